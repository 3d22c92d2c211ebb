"""Secrets at rest."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from idp.settings import SetupError
from idp.storage.secrets import Secrets, fingerprint, first_id, new_id, new_secret

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_was_sealed_can_be_opened() -> None:
    secrets = Secrets([NEW])
    sealed = secrets.seal_json({"code": "428913", "name": "Ömer"})
    assert "428913" not in sealed
    assert secrets.open_json(sealed) == {"code": "428913", "name": "Ömer"}


def test_the_same_value_is_never_sealed_the_same_way() -> None:
    assert Secrets([NEW]).seal("x") != Secrets([NEW]).seal("x")


def test_after_a_rotation_old_values_open_and_new_ones_need_the_new_key() -> None:
    rotated = Secrets([NEW, OLD])
    assert rotated.open(Secrets([OLD]).seal("x")) == "x"
    assert Secrets([NEW]).open(rotated.seal("x")) == "x"


def test_a_foreign_key_opens_nothing() -> None:
    with pytest.raises(SetupError, match="does not hold the key") as caught:
        Secrets([NEW]).open(Secrets([OLD]).seal("hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_keyed_hash_depends_on_key_purpose_and_parts() -> None:
    secrets = Secrets([NEW])
    hashes = {
        secrets.keyed_hash("code", "a", "b"),
        secrets.keyed_hash("code", "ab", ""),
        secrets.keyed_hash("code", "a", "b", ""),
        secrets.keyed_hash("address", "a", "b"),
        Secrets([OLD]).keyed_hash("code", "a", "b"),
    }
    assert len(hashes) == 5


def test_a_hash_from_before_a_rotation_is_still_found() -> None:
    rotated = Secrets([NEW, OLD])
    before = Secrets([OLD]).keyed_hash("code", "a")
    assert rotated.keyed_hashes("code", "a") == [rotated.keyed_hash("code", "a"), before]


def test_new_secrets_differ_and_have_256_bits() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 43


def test_a_fingerprint_says_nothing_about_its_secret() -> None:
    secret = new_secret()
    assert len(fingerprint(secret)) == 64
    assert secret not in fingerprint(secret)


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    made = [new_id() for _ in range(1000)]  # many of them within one millisecond
    assert made == sorted(set(made))
    first = made[0]
    assert (UUID(first).version, UUID(first).variant) == (7, UUID(int=1 << 63).variant)
    assert abs((UUID(first).int >> 80) / 1000 - time.time()) < 60


def test_the_first_id_of_a_moment_is_below_every_id_made_from_then_on() -> None:
    moment = datetime.now(UTC)
    assert first_id(moment - timedelta(milliseconds=1)) <= first_id(moment) <= new_id()
    assert new_id() < first_id(moment + timedelta(minutes=1))
