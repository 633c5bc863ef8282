"""The directory of baseline records: one directory per key, one writer at a time.

Does: find records, lock one for recording, and say why a record cannot be used.
Does not: ask a model (evals/baseline_bank/recorder.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from configs.durable_files import write_durably
from evals.baseline_bank.answers import AnswerLog, BankedAnswer, read_answers
from evals.baseline_bank.errors import BankError
from evals.baseline_bank.identity import BaselineIdentity, EndpointModel, differences
from evals.baseline_bank.record import BaselineRecord, expiry_problem, since, totals_of

RECORD, ANSWERS = "record.json", "answers.jsonl"
KEY = re.compile(r"[0-9a-f]{64}")


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Entry:
    """A record as it stands, read without a lock."""

    directory: Path
    record: BaselineRecord
    answers: tuple[BankedAnswer, ...]

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        return self.directory.name

    @property
    def since(self) -> datetime:
        """When the oldest answer was given."""
        return since(self.record, self.answers)


@dataclass
class OpenRecord:
    """A record locked for recording; `record` may be replaced until the lock is given back."""

    directory: Path
    record: BaselineRecord
    log: AnswerLog


class BaselineBank:
    """Records below one directory."""

    def __init__(self, directory: Path, clock: Callable[[], datetime] = utc_now) -> None:
        """Args:
        clock: the time, in UTC.
        """
        self.directory, self.clock = directory, clock

    def entries(self) -> list[Entry]:
        """Every record, the oldest first; those set aside are left out.

        Raises:
            BankError: when one is damaged.
        """
        if not self.directory.is_dir():
            return []
        places = (place for place in self.directory.iterdir() if KEY.fullmatch(place.name))
        read = (self._read(place) for place in places)
        return sorted((e for e in read if e is not None), key=lambda e: e.record.created_at)

    def find(self, prefix: str) -> Entry:
        """The one record whose key begins so.

        Raises:
            BankError: when there is none, or more than one.
        """
        found = [entry for entry in self.entries() if entry.key.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(entry.key[:12] for entry in found) or "none"
        raise BankError(
            str(self.directory), f"expected one key that begins with {prefix!r}, got {listed}",
            "`pawl baseline list` shows the keys.",
        )  # fmt: skip

    def get(self, identity: BaselineIdentity) -> Entry | None:
        """The record of an identity, also when it has expired; None when there is none.

        Raises:
            BankError: when the record is damaged, or holds another identity than its key says.
        """
        entry = self._read(self.directory / identity.key)
        if entry is not None and (other := differences(identity, entry.record.identity)):
            raise BankError(
                str(entry.directory / RECORD), f"expected the record of this key, got {other[0]}",
                "Move that directory away and record the baseline again.",
            )  # fmt: skip
        return entry

    def require(self, identity: BaselineIdentity, max_age_days: float | None = None) -> Entry:
        """The record of an identity, fit for use.

        Raises:
            BankError: when there is none (naming what differs in the nearest one), or it is
                damaged or too old.
        """
        entry = self.get(identity)
        if entry is None:
            nearest = self.nearest(identity)
            found = "none" if nearest is None else f"only those of another ({'; '.join(nearest)})"
            raise BankError(
                self._where(identity), f"expected recorded answers, got {found}",
                "Record them with `pawl baseline record`.",
            )  # fmt: skip
        self.refuse_expired(entry, max_age_days)
        return entry

    def refuse_expired(self, entry: Entry, max_age_days: float | None) -> None:
        """Raises:
        BankError: when the record is too old.
        """
        problem = self._too_old(entry, max_age_days)
        if problem is not None:
            raise BankError(
                self._where(entry.record.identity), problem,
                "Run `pawl baseline record --renew` for this task and model, or allow more days.",
            )  # fmt: skip

    def nearest(self, identity: BaselineIdentity) -> list[str] | None:
        """What differs in the record most like an identity, among those of its task.

        Returns:
            `field: expected X, got Y`, one per difference; None when the task has no record.
        """
        others = [entry.record.identity for entry in self.entries()]
        found = [differences(identity, o) for o in others if o.task == identity.task]
        return min(found, key=len, default=None)

    def same_model(self, identity: BaselineIdentity, max_age_days: float | None) -> list[Entry]:
        """Other records of the same model and decoding that are fit for use.

        Their answers to the same prompts hold here too: a task whose scoring alone was changed has
        another record, and needs no new answers.
        """
        return [
            entry
            for entry in self.entries()
            if entry.key != identity.key
            and entry.record.identity.model == identity.model
            and entry.record.identity.decoding == identity.decoding
            and self._too_old(entry, max_age_days) is None
        ]

    @contextmanager
    def recording(
        self,
        identity: BaselineIdentity,
        engine_name: str,
        *,
        expires_days: float | None = None,
        max_age_days: float | None = None,
        renew: bool = False,
        wait_s: float = 0.0,
    ) -> Iterator[OpenRecord]:
        """Lock the record of an identity, making it if need be; its totals are written at the end.

        Args:
            engine_name: what reports call the model.
            expires_days: days until a record made now expires; None for never.
            renew: set a record aside that is too old, and begin anew.
            wait_s: longest wait for another recorder, in seconds.
        Raises:
            BankError: when another recorder is at work, the record is damaged or too old, or
                nothing can be written there.
        """
        with self._locked(identity, wait_s):
            place = self.directory / identity.key
            entry = self.get(identity)
            if entry is not None and renew and self._too_old(entry, max_age_days):
                place.rename(self.directory / f"{place.name}.before-{self.clock():%Y%m%dT%H%M%S%f}")
                entry = None
            if entry is not None:
                self.refuse_expired(entry, max_age_days)
                record = entry.record
            else:
                record = _new_record(identity, engine_name, self.clock(), expires_days)
                self._write(place, record)
            log = AnswerLog(place / ANSWERS)
            opened = OpenRecord(place, record, log)
            try:
                yield opened
            finally:
                log.close()
                totals = {"totals": totals_of(log.answers)}
                self._write(place, opened.record.model_copy(update=totals))

    @contextmanager
    def _locked(self, identity: BaselineIdentity, wait_s: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.directory / f"{identity.key}.lock", timeout=wait_s)
            lock.acquire()
        except Timeout as error:
            raise BankError(
                self._where(identity),
                "expected to be the only recorder of it, got another one at work",
                "Wait until that one has ended, and run again.",
            ) from error
        except OSError as error:
            raise self._cannot_write(self.directory, error) from error
        try:
            yield
        finally:
            lock.release()

    def _write(self, place: Path, record: BaselineRecord) -> None:
        try:
            write_durably(place / RECORD, record.model_dump_json(indent=2))
        except OSError as error:
            raise self._cannot_write(place, error) from error

    def _cannot_write(self, place: Path, error: OSError) -> BankError:
        return BankError(
            str(place), f"expected to write there, got: {error.strerror}",
            "Free space there or let this user write, and run again; answers so far are kept.",
        )  # fmt: skip

    def _too_old(self, entry: Entry, max_age_days: float | None) -> str | None:
        return expiry_problem(entry.record, entry.since, max_age_days, self.clock())

    def _read(self, place: Path) -> Entry | None:
        path = place / RECORD
        answers, _ = read_answers(place / ANSWERS)
        try:
            record = BaselineRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            if not answers:
                return None
            raise self._damaged(path, "none") from None
        except (OSError, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        return Entry(place, record, tuple(answers))

    def _damaged(self, path: Path, got: str) -> BankError:
        return BankError(
            str(path), f"expected the description of the answers beside it, got {got}",
            "Restore the file from a copy, or move its directory away.",
        )  # fmt: skip

    def _where(self, identity: BaselineIdentity) -> str:
        model = identity.model
        named = model.model if isinstance(model, EndpointModel) else model.digest[:19]
        return f"baseline {named} of {identity.task} ({self.directory / identity.key[:12]}...)"


def _new_record(
    identity: BaselineIdentity, engine_name: str, now: datetime, expires_days: float | None
) -> BaselineRecord:
    expires = None if expires_days is None else now + timedelta(days=expires_days)
    return BaselineRecord(
        identity=identity, engine_name=engine_name, created_at=now, expires_at=expires
    )
