"""Processes are killed at random moments, and every promised mail is accounted for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from chaos.audit import Audit
from chaos.deployment import Deployment, Site, deployed
from chaos.rows import wait_for_claim, wait_for_ends
from chaos.sabotage import make_leases_endless
from chaos.storm import PATIENCE, Plan, Storm, audited, wait_for_promises
from chaos.weather import Mood

pytestmark = pytest.mark.chaos

MAILS, KILLS = 50, 3
MAILS_UNDER_WAY = 3
SOON = timedelta(seconds=4)


def test_no_kill_loses_repeats_or_belates_a_mail(site: Site, seed: str) -> None:
    plan = Plan(seed=seed, mails=MAILS, kills=KILLS)
    # Were both away at times, mails would wait for half a minute, which `make chaos` has time for.
    moods = (Mood.STORMY, Mood.CHANGEABLE)
    with deployed(replace(site, moods=moods)) as deployment:
        audit = Storm(plan, deployment).run()
    assert audit.findings == [], f"seed {seed}, files in {site.directory}"
    assert audit.counts["kills"] == KILLS
    assert audit.counts["promised"] >= MAILS
    assert audit.counts["sent"] > 0


def killed_while_sending(deployment: Deployment, patience: timedelta) -> Audit:
    """Kill the server while its mails are under way to a silent mail server, and start it again.

    Nothing is promised any more. Return the count when all have ended or the patience has.
    """
    [server] = deployment.web
    server.kill()  # it finds the mails promised meanwhile when it starts
    wait_for_promises(deployment, MAILS_UNDER_WAY)
    deployment.promiser.kill()
    server.start()
    wait_for_claim(deployment.database_url)
    server.kill()
    server.start()
    deployment.wait_for_pages()
    wait_for_ends(deployment.database_url, patience)
    return audited(deployment)


@pytest.fixture
def silent(sqlite_site: Site) -> Site:
    """Return a site whose mails live a few seconds, and whose mail servers never say a word."""
    return replace(sqlite_site, lives=(5.0, 6.0), moods=(Mood.SILENT, Mood.SILENT))


def test_mails_that_could_not_be_sent_end_with_their_reason(silent: Site) -> None:
    with deployed(silent) as deployment:
        audit = killed_while_sending(deployment, PATIENCE)
    assert audit.findings == []
    assert audit.counts["expired"] + audit.counts["unknown"] == audit.counts["promised"] > 0


def test_the_count_sees_mails_that_nobody_takes_over(silent: Site) -> None:
    with deployed(silent) as deployment:
        make_leases_endless(silent.database_url)
        audit = killed_while_sending(deployment, SOON)
    assert audit.counts["lost"] > 0
