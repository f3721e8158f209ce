"""What an evaluation would take, as the terminal shows it before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab.cli import words
from promptlab.cli.table import DOUBTFUL, FAINT, STRONG, plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.execute.forecast import Forecast, VariantForecast


def print_forecast(console: Console, forecast: Forecast, *, max_cost: float | None) -> None:
    """Prints calls, tokens and cost of each variant; what is estimated or unknown says so."""
    console.print(f"{words.plain(forecast.suite)}: a dry run, nothing is sent or stored", style=STRONG)
    console.print()
    console.print(
        plain_table(
            ("variant", "cells", "cached", "calls", "tokens in", "tokens out", "cost"),
            [
                (
                    variant.name,
                    f"{variant.cells:,}",
                    f"{variant.cached:,}",
                    f"{variant.calls:,}",
                    f"{'' if variant.exact else '~'}{variant.input_tokens:,}",
                    "no limit" if variant.most_output_tokens is None else f"≤{variant.most_output_tokens:,}",
                    _cost(variant),
                )
                for variant in forecast.variants
            ],
            right=("cells", "cached", "calls", "tokens in", "tokens out", "cost"),
        )
    )
    console.print()
    for note in _notes(forecast):
        console.print(note, style=FAINT)
    total = forecast.most_usd
    console.print(f"{words.plural(forecast.calls, 'call')}, {_total(forecast)}; retries come on top", style=STRONG)
    if max_cost is not None and total is not None and total > max_cost:
        console.print(
            f"that may be more than --max-cost {words.cost(max_cost)}: the rest would not be asked", style=DOUBTFUL
        )


def _total(forecast: Forecast) -> str:
    known = [variant.most_usd for variant in forecast.variants if variant.most_usd is not None]
    unknown = len(forecast.variants) - len(known)
    if not known:
        return "the cost is not known"
    said = f"at most {words.cost(sum(known))}" if sum(known) else "free"
    return f"{said} without {words.plural(unknown, 'variant')} whose cost is not known" if unknown else said


def _cost(variant: VariantForecast) -> str:
    if not variant.calls:
        return "$0"
    if variant.price is None:
        return "unknown price"
    if variant.most_usd is None:
        return f"≥{words.cost(variant.input_usd, model=variant.model)}"
    text = words.cost(variant.most_usd, model=variant.model)
    return text if not variant.most_usd else f"≤{text}"


def _notes(forecast: Forecast) -> list[str]:
    notes = []
    if any(not variant.exact for variant in forecast.variants):
        notes.append("~ estimated from the text; the tokenizers of remote models are not here")
    shared = sum(variant.shared for variant in forecast.variants)
    if shared:
        notes.append(f"{words.plural(shared, 'cell')} more take the answer of an identical call")
    broken = sum(variant.unrenderable for variant in forecast.variants)
    if broken:
        notes.append(f"{words.plural(broken, 'cell')} cannot be rendered and would end in an error")
    if any(variant.most_output_tokens is None for variant in forecast.variants):
        notes.append("without max_tokens nothing bounds an answer; set it: --setting max_tokens=100")
    unknown = sorted({variant.model for variant in forecast.variants if variant.price is None})
    notes += [f'the price of {name} is unknown; give it in promptlab.toml: [prices."{name}"]' for name in unknown]
    notes += [
        f"{variant.model}: {variant.price.source}"
        for variant in {variant.model: variant for variant in forecast.variants if variant.price}.values()
        if variant.price is not None and variant.calls
    ]
    if forecast.evaluators_ask:
        notes.append(f"what evaluators ask {', '.join(forecast.evaluators_ask)} about the answers comes on top")
    return notes
