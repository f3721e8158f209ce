"""Hints that a column gives the target away: copies, one-column rules, what is missing with it, identifiers.

A rule is fitted on one half of the rows and measured on the other, both ways: a column with a value of its own in every
row tells nothing then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptlab.profiles.associations import levels
from promptlab.profiles.profile import ColumnProfile, Hint
from promptlab.sources.values import Column

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

AUC = 0.99
BALANCED_ACCURACY = 0.985
R_SQUARED = 0.98
"""From here on one column alone is suspicious: the best of the well-known data sets stay below, 0.98, 0.97 and 0.6."""
COPY = 0.999
MISSING_GAP = 0.9
MOST_CLASSES = 20
MOST_HINTS = 50
FEWEST_ROWS = 30
MANY_COLUMNS = 200
FEWER_ROWS = 5000
BINS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """The target on some rows: codes of classes, or numbers; and where it has no value at all."""

    name: str
    missing: Array
    codes: Array | None = None
    numbers: Array | None = None
    labels: tuple[str, ...] = ()

    @property
    def present(self) -> Array:
        """Where it has a value that can be compared."""
        import numpy as np

        return np.isfinite(self.numbers) if self.numbers is not None else np.asarray(self.codes) >= 0


def leakage_hints(profiles: list[ColumnProfile], read: list[Column], rows: Array, *, target: int) -> tuple[Hint, ...]:
    """Hints for every other column, the strongest first; none where the target is neither classes nor numbers."""
    if len(profiles) > MANY_COLUMNS and len(rows) > FEWER_ROWS:
        rows = rows[:: -(-len(rows) // FEWER_ROWS)]
    known = _target(profiles[target], read[target], rows)
    if known is None:
        return ()
    found: list[Hint] = []
    for at, profile in enumerate(profiles):
        if at != target and profile.type not in ("constant", "missing") and profile.problem is None:
            found += _of_column(profile, read[at], rows, known)
    order = {"copy": 0, "predicts": 1, "missing": 2, "identifier": 3}
    found.sort(key=lambda hint: (order[hint.kind], -hint.value, hint.column))
    return tuple(found[:MOST_HINTS])


def _target(profile: ColumnProfile, column: Column, rows: Array) -> Target | None:
    import numpy as np

    if column.kind == "number":
        numbers = column.data[rows]
        missing = np.isnan(numbers)
        whole = bool((numbers[np.isfinite(numbers)] % 1 == 0).all())
        if profile.distinct > MOST_CLASSES or not whole:
            return Target(profile.name, missing, numbers=numbers) if profile.distinct > 1 else None
        values, codes = np.unique(np.where(missing, np.inf, numbers), return_inverse=True)
        codes = np.where(missing, -1, codes)
        boolean = profile.type == "boolean"
        labels = tuple(str(bool(value)).lower() if boolean else f"{value:.15g}" for value in values)
        return Target(profile.name, missing, codes=codes, labels=labels) if profile.distinct > 1 else None
    if column.kind == "text" and 1 < profile.distinct <= MOST_CLASSES:
        codes = np.asarray(column.codes)[rows]
        return Target(profile.name, codes < 0, codes=codes, labels=tuple(column.uniques or ()))
    return None


def _of_column(profile: ColumnProfile, column: Column, rows: Array, target: Target) -> list[Hint]:
    codes, missing = _codes(column, rows)
    found = [hint for hint in (_missing(profile, missing, target),) if hint is not None]
    if profile.type == "identifier":
        words = f"'{profile.name}' has a value of its own in every row: leave it out, a model can learn it by heart."
        found.append(Hint(profile.name, "identifier", "share of distinct values", 1.0, words))
    if (target.present & ~missing).sum() < FEWEST_ROWS:
        return found
    rule = _copy(profile, column, rows, codes, target) or _predicts(profile, column, rows, codes, target)
    return [*([rule] if rule is not None else []), *found]


def _codes(column: Column, rows: Array) -> tuple[Array, Array]:
    """A column as codes of its values (numbers in bins of equal counts), and where it has none."""
    import numpy as np
    import pandas as pd

    if column.kind in ("text", "mixed"):
        known = column.codes if column.kind == "text" else pd.factorize(np.array(column.data, dtype=object))[0]
        codes = np.asarray(known)[rows]
        return codes, codes < 0
    numbers = _numbers(column, rows)
    missing = np.isnan(numbers)
    present = numbers[~missing]
    if len(present) == 0:
        return np.full(len(numbers), -1), missing
    values = np.unique(present)
    if len(values) > BINS:
        values = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    codes = np.searchsorted(values, np.where(missing, np.inf, numbers), side="left")
    return np.where(missing, -1, codes), missing


def _numbers(column: Column, rows: Array) -> Array:
    import numpy as np

    if column.kind == "number":
        found: Array = column.data[rows]
        return found
    seconds = np.asarray(column.data.as_unit("us")).astype("datetime64[us]").astype(np.int64) / 1e6
    return np.where(np.asarray(column.data.isna()), np.nan, seconds)[rows]


def _missing(profile: ColumnProfile, missing: Array, target: Target) -> Hint | None:
    share = float(missing.mean()) if len(missing) else 0.0
    if not 0.01 <= share <= 0.99:
        return None
    name = profile.name
    if target.missing.mean() >= 0.01:
        gap = _gap(missing, target.missing)
        if gap >= MISSING_GAP:
            words = f"'{name}' is missing where '{target.name}' is missing ({gap:.0%} more often than elsewhere)."
            return Hint(name, "missing", "difference of shares", gap, words)
    if target.codes is None:
        return None
    present = target.codes >= 0
    for code, label in enumerate(target.labels):
        among = target.codes[present] == code
        if among.sum() < 5 or (~among).sum() < 5:
            continue
        gap = _gap(missing[present], among)
        if abs(gap) >= MISSING_GAP:
            often, elsewhere = missing[present][among].mean(), missing[present][~among].mean()
            words = (
                f"'{name}' is missing in {often:.0%} of the rows where '{target.name}' is {label[:60]}, "
                f"and in {elsewhere:.0%} of the others: it may be filled in after the fact."
            )
            return Hint(name, "missing", "difference of shares", abs(gap), words)
    return None


def _gap(missing: Array, among: Array) -> float:
    if not among.any() or among.all():
        return 0.0
    return float(missing[among].mean() - missing[~among].mean())


def _copy(profile: ColumnProfile, column: Column, rows: Array, codes: Array, target: Target) -> Hint | None:
    import numpy as np

    name = profile.name
    both = target.present & (codes >= 0)
    if target.numbers is not None:
        if column.kind != "number":
            return None
        equal = float((column.data[rows][both] == target.numbers[both]).mean())
        if equal < COPY:
            return None
        words = f"'{name}' equals '{target.name}' in {equal:.1%} of the rows: it is a copy."
        return Hint(name, "copy", "share of equal rows", equal, words)
    pairs = np.unique(np.stack([codes[both], np.asarray(target.codes)[both]]), axis=1)
    one, other = len(np.unique(pairs[0])), len(np.unique(pairs[1]))
    if not one == other == pairs.shape[1] or other < 2:
        return None
    words = f"'{name}' says the same as '{target.name}', value for value, in all rows: it is a copy."
    return Hint(name, "copy", "share of equal rows", 1.0, words)


def _predicts(profile: ColumnProfile, column: Column, rows: Array, codes: Array, target: Target) -> Hint | None:
    import numpy as np

    present = target.present
    shuffled = np.random.default_rng(0).permutation(int(present.sum()))
    half = shuffled < len(shuffled) // 2
    if half.sum() < 2 or (~half).sum() < 2:
        return None
    known = levels(codes[present], most=10_000) + 1
    numbers = None if column.kind in ("text", "mixed") else _filled(_numbers(column, rows)[present])
    if target.numbers is not None:
        wanted = target.numbers[present]
        values = [_r_squared(_rates(known, wanted, half), wanted)]
        if numbers is not None:
            values += [_linear(numbers, wanted), _r_squared(_nearest(numbers, wanted, half), wanted)]
        measure, least = "R squared", R_SQUARED
    else:
        classes = np.unique(np.asarray(target.codes)[present], return_inverse=True)[1]
        if classes.max() == 1:
            values = [_auc(_rates(known, classes.astype(np.float64), half), classes)]
            if numbers is not None:
                along = _auc(numbers, classes)
                values += [along, 1 - along]
            measure, least = "AUC", AUC
        else:
            values = [_balanced(_guessed(known, classes, half), classes)]
            if numbers is not None:
                values.append(_balanced(_nearest(numbers, classes, half), classes))
            measure, least = "balanced accuracy", BALANCED_ACCURACY
    value = max(values)
    if value < least:
        return None
    words = (
        f"'{profile.name}' alone tells '{target.name}' nearly perfectly: {measure} {value:.3f} on rows held out. "
        "Is it known before the target is?"
    )
    return Hint(profile.name, "predicts", measure, value, words)


def _rates(codes: Array, values: Array, half: Array) -> Array:
    """For each row the mean of the values of its code among the rows of the other half; where there is none, of all."""
    import numpy as np

    found = np.empty(len(codes))
    for fold in (half, ~half):
        size = int(codes.max()) + 1
        counts = np.bincount(codes[fold], minlength=size)
        mean = values[fold].mean()
        means = np.bincount(codes[fold], weights=values[fold], minlength=size) / np.maximum(counts, 1)
        found[~fold] = np.where(counts > 0, means, mean)[codes[~fold]]
    return found


def _nearest(numbers: Array, values: Array, half: Array) -> Array:
    """For each row the value of the row of the other half whose number is next to its own."""
    import numpy as np

    found = np.empty(len(values), dtype=values.dtype)
    for fold in (half, ~half):
        order = np.argsort(numbers[fold], kind="stable")
        known, those = numbers[fold][order], values[fold][order]
        asked = numbers[~fold]
        above = np.clip(np.searchsorted(known, asked), 1, len(known) - 1)
        below = above - 1
        closer = np.where(asked - known[below] <= known[above] - asked, below, above)
        found[~fold] = those[closer]
    return found


def _filled(numbers: Array) -> Array:
    """Numbers with the missing ones below all others, and the infinite ones as the largest that there are."""
    import numpy as np

    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    scale = max(abs(low), abs(high), 1e-300)
    scaled = np.clip(numbers, low, high) / scale  # of at most 1: squares of very large ones would be infinite
    return np.where(np.isnan(numbers), low / scale - 1.0, scaled)


def _guessed(codes: Array, classes: Array, half: Array) -> Array:
    """The most frequent class of each row's code in the other half."""
    import numpy as np

    scores = [_rates(codes, (classes == at).astype(np.float64), half) for at in range(int(classes.max()) + 1)]
    found: Array = np.stack(scores).argmax(axis=0)
    return found


def _auc(scores: Array, classes: Array) -> float:
    import pandas as pd

    ranks = pd.Series(scores).rank().to_numpy()
    positive = classes == 1
    many, few = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * few))


def _balanced(guessed: Array, classes: Array) -> float:
    import numpy as np

    return float(np.mean([(guessed[classes == at] == at).mean() for at in range(int(classes.max()) + 1)]))


def _r_squared(guessed: Array, numbers: Array) -> float:
    import numpy as np

    scale = max(float(np.abs(numbers).max()), 1e-300)
    rest = float(((numbers / scale - guessed / scale) ** 2).sum())
    total = float(((numbers / scale - (numbers / scale).mean()) ** 2).sum())
    return 1.0 - rest / total if total > 0 else 0.0


def _linear(one: Array, other: Array) -> float:
    """The square of Pearson's r."""
    import numpy as np

    scaled = other / max(float(np.abs(other).max()), 1e-300)
    if one.std() == 0 or scaled.std() == 0:
        return 0.0
    return float(np.corrcoef(one, scaled)[0, 1] ** 2)
