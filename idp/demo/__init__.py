"""`idp demo`: the server, a mailbox and a sample application in one process, for one machine."""
