// The page works without this file: it only presses the button.
document.getElementById("form-post").submit();
