"""Mail servers of other projects, each started by the tests in a directory of its own.

None of them can send a mail on: they keep it in files, or hand it to `smtp-sink` on loopback.
"""

USER, PASSWORD = "mailer", "open-sesame-77"
"""The one account that every server knows."""

REFUSED, BUSY = "refused@example.test", "busy@example.test"
"""Recipients that a server turns away: for good, and for now."""
