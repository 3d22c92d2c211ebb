"""How fast mails leave, measured beside nodemailer on the same machine, message and sink."""
