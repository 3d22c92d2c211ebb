"""What an administrator does, whether in the console, at the API or on the command line.

Plain units of work over the rooms below; each that changes something leaves an audit entry.
"""
