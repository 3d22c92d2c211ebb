"""Sends the benchmark's mails with the connector; takes the task as JSON and prints the result."""

import asyncio
import json
import sys
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

import uvloop
from idp_smtp_email import SmtpConfig, SmtpConnector

from idp.connector_kit import EmailRequest, UsageType


def _config(task: dict[str, Any]) -> dict[str, Any]:
    words = task["template"]
    template = {"subject": words["subject"], "content": words["html"], "text": words["text"]}
    usage_types = ("SignIn", "Register", "ForgotPassword", "Generic")
    login = {"auth": {"user": "mailer", "pass": "open-sesame-77"}} if task["login"] else {}
    return {
        "host": "127.0.0.1",
        "port": task["port"],
        "secure": task["secure"],
        "ignoreTLS": not task["secure"] and not task["starttls"],
        "tls": {"rejectUnauthorized": False},
        "fromEmail": task["sender"],
        "templates": [{"usageType": usage_type, **template} for usage_type in usage_types],
        "pool": {
            "maxConnections": task["connections"],
            "maxMessages": 1_000_000_000 if task["pool"] else 1,
        },
        **login,
    }


def _cpu() -> float:
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _run(connector: SmtpConnector, task: dict[str, Any], count: int) -> list[float]:
    numbers = iter(range(count))
    latencies: list[float] = []

    async def work() -> None:
        for number in numbers:
            started = perf_counter()
            payload = {**task["payload"], "code": str(100000 + number % 900000)}
            to = f"reader{number}@example.com"
            message_id = f"bench.{number}"  # the outbox gives every mail one
            request = EmailRequest(
                to=to, usage_type=UsageType.SIGN_IN, payload=payload, message_id=message_id
            )
            await connector.send(request)
            latencies.append(perf_counter() - started)

    await asyncio.gather(*(work() for _ in range(task["in_flight"])))
    return latencies


async def _main(task: dict[str, Any]) -> None:
    connector = SmtpConnector(SmtpConfig.parse(_config(task)))
    await _run(connector, task, task["warm_up"])
    memory = getrusage(RUSAGE_SELF).ru_maxrss
    cpu, started = _cpu(), perf_counter()
    latencies = await _run(connector, task, task["messages"])
    result = {"elapsed": perf_counter() - started, "latencies": latencies, "cpu": _cpu() - cpu}
    await connector.aclose()
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(json.dumps({**result, "memory": memory / 1024, "memory_grown": grown}))


if __name__ == "__main__":
    uvloop.run(_main(json.loads(sys.argv[1])))
