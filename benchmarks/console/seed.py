"""A deployment that has been busy, written in bulk: people, their sessions, mails and attempts."""

from dataclasses import dataclass

import psycopg

# The front of a UUIDv7 is the time (RFC 9562 §5.7); the rest tells two of a millisecond apart.
_ID = """
CREATE FUNCTION pg_temp.id_at(moment timestamptz, number bigint) RETURNS text
IMMUTABLE LANGUAGE sql AS $$
  SELECT substr(at, 1, 8) || '-' || substr(at, 9, 4) || '-7000-8000-'
    || lpad(to_hex(number), 12, '0')
  FROM lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') AS at
$$
"""
_USERS = """
INSERT INTO "user" (id, email, email_key, email_verified, password_hash, second_step_by_mail,
  claims, created_at, updated_at, roles)
SELECT pg_temp.id_at(moment, n), address, address, true, 'none', false,
  json_build_object('name', 'Person ' || n), moment, moment, '[]'
FROM generate_series(1, %(users)s) AS n,
  LATERAL (SELECT now() - (%(users)s - n) * interval '1 minute' AS moment,
    substr(md5(n::text), 1, 10) || '@example.com' AS address) AS made
"""
_SESSIONS = """
INSERT INTO browser_session (fingerprint, id, user_id, auth_time, amr, proven_at, remembered, ip,
  device, last_seen_at, expires_at)
SELECT md5(id), pg_temp.id_at(now() - n * interval '1 second', n), id, now(), '["pwd"]', now(),
  true, '192.0.2.1', 'Firefox, Linux', now(), now() + interval '7 days'
FROM (SELECT id, row_number() OVER (ORDER BY email_key) AS n FROM "user") AS person
WHERE n <= %(sessions)s
"""
_MESSAGES = """
INSERT INTO message (id, channel, usage_type, priority, recipient, recipient_hash, locale, state,
  due_at, deadline, attempts, interrupted, connector_id, saved_by_fallback, reason, created_at,
  ended_at)
SELECT pg_temp.id_at(moment, n), 'email', CASE WHEN n %% 1000 = 7 THEN 'BindMfa' ELSE 'SignIn' END,
  0, %(recipient)s, md5((n %% 100000)::text), 'en',
  CASE WHEN n %% 20000 = 13 THEN 'failed' WHEN n %% 90000 = 1 THEN 'expired' ELSE 'sent' END,
  moment, moment + interval '10 minutes', 1, false, %(connector)s, false,
  CASE WHEN n %% 20000 = 13 THEN 'The mailbox is full.' END, moment, moment + interval '1 second'
FROM generate_series(1, %(messages)s) AS n, LATERAL
  (SELECT now() - (%(messages)s - n) * (%(days)s * interval '1 day' / %(messages)s) AS moment)
  AS made
"""
_ATTEMPTS = """
INSERT INTO delivery_attempt (id, message_id, number, connector_id, started_at, duration, outcome,
  reply_code, reply)
SELECT id, id, 1, connector_id, created_at, 0.2,
  CASE state WHEN 'sent' THEN 'sent' ELSE 'failed' END,
  CASE state WHEN 'sent' THEN 250 ELSE 552 END, 'said the server'
FROM message
"""
_ENTRIES = """
INSERT INTO audit_entry (id, actor_type, action, target_type, target_id, refused, details,
  created_at)
SELECT pg_temp.id_at(moment, n), 'cli',
  CASE WHEN n = 7 THEN 'key.rotate' ELSE 'user.create' END,
  'user', md5(n::text), false, '{}', moment
FROM generate_series(1, %(entries)s) AS n,
  LATERAL (SELECT now() - (%(entries)s - n) * interval '1 minute' AS moment) AS made
"""


@dataclass(frozen=True)
class Amounts:
    """How much there is."""

    users: int = 100_000
    messages: int = 1_000_000
    days: int = 10
    sessions: int = 20_000
    entries: int = 100_000


def fill(url: str, amounts: Amounts, *, recipient: str, connector: str) -> None:
    """Write it all; `recipient` is a sealed address, `connector` the id of an instance."""
    values = {**vars(amounts), "recipient": recipient, "connector": connector}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no check per row
        connection.execute(_ID)
        cursor = psycopg.ClientCursor(connection)
        for statement in (_USERS, _SESSIONS, _MESSAGES, _ATTEMPTS, _ENTRIES):
            cursor.execute(statement, values)
        connection.execute("VACUUM ANALYZE")
