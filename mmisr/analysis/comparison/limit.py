"""How long arms may take together, and what each of them needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from typing import TypeVar

RESERVE = 0.15
"""Share of the time that is kept for intervals and report."""

COLD = 10
"""So many times what later ones take may a first prediction, which also loads and measures."""

Batch = TypeVar("Batch")


class TimeLimit:
    """The time that arms may take, and what each is expected to need.

    What an arm needs is how long its last prediction on trial took, times the images; once arms
    have run, times how much longer those took than that.

    Args:
        seconds: All arms together, their timing, intervals and report, from now on; None for any
            time.
        num_timed: So many images more are predicted with every arm after all have run, to time it;
            0 by default.
        always: An arm that runs first and whatever time it takes; None for none.

    Raises:
        ValueError: ``seconds`` is not positive.
    """

    def __init__(
        self, seconds: float | None = None, num_timed: int = 0, always: str | None = None
    ) -> None:
        if seconds is not None and seconds <= 0:
            raise ValueError(f"seconds must be positive, got {seconds}")
        self.seconds = seconds
        self.num_timed = num_timed
        self.always = always
        self.left_out: dict[str, float] = {}
        """Arms that there was no time for, and the seconds that each would still take."""
        self.untried: list[str] = []
        """Those of them that were not even tried: they take at least so long, in all likelihood."""
        self._begin = monotonic()
        self._per_image: dict[str, float] = {}
        self._pledged: dict[str, float] = {}
        self._expected = 0.0
        self._taken = 0.0

    def expect(self, arm: str, seconds: float) -> None:
        """One prediction of the arm takes so long."""
        self._per_image[arm] = seconds

    def may_try(self, arm: str, num_images: Mapping[str, int]) -> bool:
        """Whether there is time to find out what the arm needs; it is left out where there is none.

        Nobody knows then what it needs. It is charged with what the dearest arm needs that is
        known.

        Args:
            arm: Its name.
            num_images: By arm, how many images are left.
        """
        if not self._per_image or self.has_time(arm, num_images):
            return True
        self.untried.append(arm)
        dearest = max(self._per_image, key=lambda known: self._per_image[known])
        self.left_out[arm] = self.needs(dearest, num_images[arm])
        return False

    def has_time(self, arm: str, num_images: Mapping[str, int]) -> bool:
        """Whether there may be time to run the arm, beside the one that runs in any case.

        It is taken to need no less than the cheapest that is known, or a :data:`COLD` part of what
        its own first prediction says.

        Args:
            arm: Its name.
            num_images: By arm, how many images are left.
        """
        if arm == self.always:
            return True
        cheapest = min(self._per_image, key=lambda known: self._per_image[known])
        at_least = self.needs(cheapest, num_images[arm])
        if arm in self._per_image:
            at_least = self.needs(arm, num_images[arm]) / COLD
        return self._for_always(num_images) + at_least <= self._left()

    def needs(self, arm: str, num_images: int) -> float:
        """Seconds that the arm is expected to take, timing included."""
        return self._slower() * self._per_image[arm] * (num_images + self.num_timed)

    def pledge(self, arm: str) -> None:
        """Keep the time that it takes to time the arm."""
        self._pledged[arm] = self._per_image[arm] * self.num_timed

    def fits(self, arm: str, num_images: int) -> bool:
        """Whether there is time for the arm; it is left out where there is none."""
        needs = self.needs(arm, num_images)
        if arm == self.always or needs <= self._left():
            return True
        self.left_out[arm] = needs
        return False

    def running(self, arm: str, batches: Iterable[Batch], num_images: int) -> Iterator[Batch]:
        """The batches of an arm for as long as there is time; it is left out if that ends.

        Args:
            arm: Its name.
            batches: One image each.
            num_images: How many they are.
        """
        self.pledge(arm)
        begin = monotonic()
        for number, batch in enumerate(batches):
            if arm != self.always and self._left() <= 0:
                del self._pledged[arm]
                self.left_out[arm] = self.needs(arm, num_images - number)
                return
            yield batch
            end = monotonic()
            self._taken += end - begin
            self._expected += self._per_image[arm]
            begin = end

    def would_do(self) -> float:
        """Seconds that another call needs for what was left out: its timing is all arms' anew."""
        needs = sum(self.left_out.values()) + self._for_timing()
        return needs / (1 - RESERVE)

    def order(self, num_images: Mapping[str, int]) -> list[str]:
        """The arms as they run: where time is limited those that take least first.

        Args:
            num_images: By arm, how many images are left.
        """
        if self.seconds is None:
            return list(num_images)
        needs = {arm: self.needs(arm, number) for arm, number in num_images.items()}
        return sorted(needs, key=lambda arm: (arm != self.always, needs[arm]))

    def outlook(self, num_images: Mapping[str, int]) -> str:
        """What the arms are expected to take, and which of them fit.

        Args:
            num_images: By arm, how many images are left.
        """
        left = self._left()
        total = 0.0
        each = []
        late = []
        for arm in self.order(num_images):
            needs = self.needs(arm, num_images[arm])
            total += needs
            each.append(f"{arm} {told(needs)}")
            if total > left:
                late.append(arm)
        text = f"about {told(total)}: {', '.join(each)}"
        if self.seconds is None:
            return text
        late += self.untried
        if late:
            return f"{text}; {told(self.seconds)} will hardly do for {', '.join(late)}"
        return f"{text}; {told(self.seconds)} will do"

    def _slower(self) -> float:
        """How much longer arms took than their first prediction made expect."""
        return self._taken / self._expected if self._expected else 1.0

    def _for_timing(self) -> float:
        """Seconds that timing takes of the arms that have run."""
        return self._slower() * sum(self._pledged.values())

    def _for_always(self, num_images: Mapping[str, int]) -> float:
        """Seconds that the arm still takes that runs in any case."""
        always = self.always
        if always is None or always not in self._per_image or always in self._pledged:
            return 0.0
        return self.needs(always, num_images[always])

    def _left(self) -> float:
        """Seconds for arms that have not run."""
        if self.seconds is None:
            return float("inf")
        passed = monotonic() - self._begin
        return self.seconds * (1 - RESERVE) - passed - self._for_timing()


def told(seconds: float) -> str:
    """A time in words.

    Args:
        seconds: How long.

    Example:
        >>> told(41.3), told(600)
        ('41 s', '10 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
