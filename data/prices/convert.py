#!/usr/bin/env python3
"""Makes prices.json, Weir's bundled price list, from the price data of the PyPI package `litellm` (MIT licence).

    python3 -m pip download --no-deps --dest wheels litellm==1.109.1
    python3 -m pip download --no-deps --dest wheels litellm==1.80.5
    python3 data/prices/convert.py --date 2026-11-12 wheels/litellm-1.109.1-*.whl wheels/litellm-1.80.5-*.whl

The first wheel is the source of prices. Further, older wheels only add models that the first no longer lists: retired
models still occur in recorded traffic and behind other people's endpoints. `--date` is the day the first wheel was
built; it becomes the list's version. The output depends on nothing else, so running this again gives the same bytes.

What is taken: token prices (all service tiers and long-context tiers that Weir knows), prices by the call, limits and
mode, for the modes and providers named below. What is left out, so that it is unpriced rather than wrong: prices by
character, second, page or pixel; models without a price, with a price of zero or with an implausible one; Bedrock's
prices for single regions and commitments; Fireworks' classes by model size; off-peak discounts; surcharges for tools
such as web search. The schema is described in docs/reference/prices.md.
"""

import argparse
import json
import re
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

SCHEMA = 1
SOURCE_FILE = "litellm/model_prices_and_context_window_backup.json"
MODES = {"chat", "completion", "responses", "embedding", "rerank"}
WRITING_MODES = {"chat", "completion", "responses"}

# litellm's provider -> (ours, the prefix that litellm puts before the model).
PROVIDERS = {
    "anthropic": ("anthropic", ""),
    "azure": ("azure", "azure/"),
    "azure_ai": ("azure_ai", "azure_ai/"),
    "azure_text": ("azure", "azure/"),
    "bedrock": ("bedrock", "bedrock/"),
    "bedrock_converse": ("bedrock", "bedrock/"),
    "cerebras": ("cerebras", "cerebras/"),
    "codestral": ("mistral", "codestral/"),
    "cohere": ("cohere", "cohere/"),
    "cohere_chat": ("cohere", "cohere_chat/"),
    "dashscope": ("dashscope", "dashscope/"),
    "databricks": ("databricks", "databricks/"),
    "deepseek": ("deepseek", "deepseek/"),
    "fireworks_ai": ("fireworks", "fireworks_ai/"),
    "fireworks_ai-embedding-models": ("fireworks", "fireworks_ai/"),
    "gemini": ("gemini", "gemini/"),
    "groq": ("groq", "groq/"),
    "mistral": ("mistral", "mistral/"),
    "moonshot": ("moonshot", "moonshot/"),
    "openai": ("openai", "openai/"),
    "openrouter": ("openrouter", "openrouter/"),
    "perplexity": ("perplexity", "perplexity/"),
    "text-completion-openai": ("openai", ""),
    "together_ai": ("together", "together_ai/"),
    "voyage": ("voyage", "voyage/"),
    "xai": ("xai", "xai/"),
}
VERTEX_PREFIX = "vertex_ai-"

# Our rate -> litellm's key, to which tiers append `_above_<N>k_tokens` and a service.
RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "image_output": "output_cost_per_image_token",
}
SERVICES = {"": "standard", "_batches": "batch", "_flex": "flex", "_priority": "priority"}
RATE_KEY = re.compile(
    "(?P<base>" + "|".join(sorted(RATES.values(), key=len, reverse=True)) + ")"
    r"(?:_above_(?P<above>\d+)k_tokens)?(?P<service>_batches|_flex|_priority)?"
)
PICO = Decimal(10) ** 12
# A dollar for a thousand tokens is beyond every public price; output at a tenth of input is a unit mixed up.
RATE_MAX = 10**9
OUTPUT_TO_INPUT_MIN = Decimal("0.1")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("wheels", nargs="+", type=Path, help="litellm wheels, the newest first")
    arguments.add_argument("--date", required=True, help="when the newest wheel was built, as YYYY-MM-DD")
    arguments.add_argument("--out", type=Path, default=Path(__file__).with_name("prices.json"))
    chosen = arguments.parse_args()

    models: dict[tuple[str, str], dict] = {}
    versions = []
    for wheel in chosen.wheels:
        version, data = read_wheel(wheel)
        versions.append(version)
        retired = len(versions) > 1
        for key, row in converted(data).items():
            # An alias that moved is of no use for a model that is gone; its dated name is.
            if not (retired and key[1].endswith("-latest")):
                models.setdefault(key, row)
    models = without_redundant(models)

    header = {
        "schema": SCHEMA,
        "version": chosen.date,
        "source": "https://pypi.org/project/litellm/, file " + SOURCE_FILE,
        "package": "litellm",
        "package_version": versions[0],
        "retired_models_from": versions[1:],
        "license": "MIT, Copyright (c) 2023 Berri AI; see NOTICE",
        "date": chosen.date,
        "unit": "pico-dollars (1e-12 USD) for a token; `request` for a call",
    }
    head = json.dumps(header, indent=1)[:-2]
    groups = [group(provider, models) for provider in sorted({provider for provider, _ in models})]
    chosen.out.write_text(f'{head},\n "providers": [\n' + ",\n".join(groups) + "\n]}\n", encoding="utf-8")
    print(f"{len(models)} models, {chosen.out.stat().st_size} bytes", file=sys.stderr)


def read_wheel(wheel: Path) -> tuple[str, dict]:
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        return version, json.loads(archive.read(SOURCE_FILE), parse_float=Decimal)


def group(provider: str, models: dict) -> str:
    """One provider's models, one on a line, so that a new list reads well as a diff."""
    rows = [json.dumps(models[key], separators=(",", ":")) for key in sorted(models) if key[0] == provider]
    return f'{{"provider":"{provider}","models":[\n' + ",\n".join(rows) + "\n]}"


def converted(data: dict) -> dict[tuple[str, str], dict]:
    models: dict[tuple[str, str], dict] = {}
    for name, source in data.items():
        key = our_key(name, source)
        row = key and model_row(*key, source)
        # Where litellm has a model twice, the name with its provider's prefix is the one it maintains.
        if row and (key not in models or "/" in name):
            models[key] = row
    return models


def our_key(name: str, source: dict) -> tuple[str, str] | None:
    theirs = source.get("litellm_provider") or ""
    if theirs.startswith(VERTEX_PREFIX) or theirs == "vertex_ai":
        provider, prefix = "vertex", "vertex_ai/"
    elif theirs in PROVIDERS:
        provider, prefix = PROVIDERS[theirs]
    else:
        return None
    if source.get("mode") not in MODES:
        return None
    model = name.removeprefix(prefix).lower()
    if provider == "bedrock" and "/" in model:
        return None  # a single region, a commitment, or another product under Bedrock's name
    if provider in ("together", "fireworks") and re.match(r"(together|fireworks)-ai-", model):
        return None  # a price class by size, not a model
    if provider == "fireworks":
        model = model.removeprefix("accounts/fireworks/models/")
    return (provider, model) if model and "*" not in model else None


def model_row(provider: str, model: str, source: dict) -> dict | None:
    mode = source["mode"]
    tiers = read_tiers(source)
    request = pico(source.get("input_cost_per_query") or source.get("input_cost_per_request") or 0)
    standard = tiers.get(("standard", 0))
    if standard is None:
        if not request:
            return None
        standard = tiers[("standard", 0)] = {"input": 0}
    if mode in WRITING_MODES and ("input" not in standard or "output" not in standard):
        return None
    if not standard.get("input") and not standard.get("output") and not request:
        return None
    if not plausible(standard, mode):
        print(f"left out {provider}/{model}: implausible {standard}", file=sys.stderr)
        return None
    if provider == "fireworks" and standard["input"] == standard.get("output") and "source" not in source:
        return None  # the price class of the model's size, not a published price of the model
    row = {"model": model} if mode == "chat" else {"model": model, "mode": mode}
    for ours, theirs in (("max_input", "max_input_tokens"), ("max_output", "max_output_tokens")):
        limit = source.get(theirs)
        if isinstance(limit, (int, Decimal)) and limit > 0:
            row[ours] = int(limit)
    if mode not in WRITING_MODES:
        row.pop("max_output", None)
    if request:
        row["request"] = request
    row["rates"] = [tier_row(key, tiers, mode) for key in sorted(tiers, key=tier_order) if key_is_whole(key, tiers)]
    return row


def plausible(rates: dict, mode: str) -> bool:
    writes_too_cheaply = mode in WRITING_MODES and rates["output"] < rates["input"] * OUTPUT_TO_INPUT_MIN
    return max(rates.values()) < RATE_MAX and not writes_too_cheaply


def read_tiers(source: dict) -> dict[tuple[str, int], dict]:
    """Rates by (service, threshold)."""
    ours = {theirs: ours for ours, theirs in RATES.items()}
    tiers: dict[tuple[str, int], dict] = {}
    for key, value in source.items():
        match = RATE_KEY.fullmatch(key)
        if match and isinstance(value, (int, Decimal)):
            tier = (SERVICES[match["service"] or ""], int(match["above"] or 0) * 1000)
            tiers.setdefault(tier, {})[ours[match["base"]]] = pico(value)
    for step in source.get("tiered_pricing") or []:
        if "range" not in step or "input_cost_per_token" not in step:
            continue
        rates = {ours[key]: pico(value) for key, value in step.items() if key in ours and not isinstance(value, str)}
        tiers[("standard", int(step["range"][0]))] = rates
    standard = tiers.get(("standard", 0))
    if standard and "cache_read" not in standard and source.get("input_cost_per_token_cache_hit"):
        standard["cache_read"] = pico(source["input_cost_per_token_cache_hit"])
    for rates in tiers.values():
        drop_placeholders(rates)
        if source.get("litellm_provider") == "anthropic" and "cache_write" in rates:
            # The published rule; litellm lacks the rate for some retired models and has Sonnet's for others.
            rates["cache_write_1h"] = 2 * rates["input"]
    return tiers


def drop_placeholders(rates: dict) -> None:
    """litellm writes 0, or the price of storage, where a provider has no separate rate; ours falls back by rule."""
    for rate in list(rates):
        if rate not in ("input", "output") and rates[rate] == 0:
            del rates[rate]
    for rate in ("cache_write", "cache_write_1h"):
        if not rates.get("input", 0) < rates.get(rate, 0) <= 2 * rates.get("input", 0):
            rates.pop(rate, None)
    for rate, general in (("reasoning", "output"), ("image_input", "input"), ("audio_input", "input")):
        if rates.get(rate) == rates.get(general):
            rates.pop(rate, None)


def key_is_whole(key: tuple[str, int], tiers: dict) -> bool:
    """A tier that states neither input nor output is a leftover."""
    return key == ("standard", 0) or "input" in tiers[key] or "output" in tiers[key]


def tier_order(key: tuple[str, int]) -> tuple[int, int]:
    return list(SERVICES.values()).index(key[0]), key[1]


def tier_row(key: tuple[str, int], tiers: dict, mode: str) -> dict:
    service, above = key
    rates = dict(tiers[key])
    for rate in ("input", "output"):
        for other in ((service, 0), ("standard", above), ("standard", 0)):
            rates.setdefault(rate, tiers.get(other, {}).get(rate, 0 if mode not in WRITING_MODES else None))
            if rates[rate] is not None:
                break
            del rates[rate]
    row = {}
    if service != "standard":
        row["service"] = service
    if above:
        row["above"] = above
    for rate in RATES:
        if rate in rates and not (rate == "output" and mode not in WRITING_MODES and rates[rate] == 0):
            row[rate] = rates[rate]
    return row


def without_redundant(models: dict) -> dict:
    """Leaves out a dated name whose undated name costs the same, and a region's name that costs what the model costs.

    Weir's look-up takes dates and regions off a name that is not listed, so it finds the same price without them.
    """

    def price(key):
        row = models.get(key)
        return row and {name: value for name, value in row.items() if name != "model"}

    def shorter(key):
        provider, model = key
        if provider == "bedrock":
            base = re.sub(r"^(us-gov|us|eu|apac|ap|jp|au|ca|global)\.", "", model)
            if base != model:
                return provider, base
        base = re.sub(r"[-@](\d{4}-\d{2}-\d{2}|\d{8})$|-latest$|@default$", "", model)
        return (provider, base) if base != model and not model.startswith("ft:") else None

    return {key: row for key, row in models.items() if not (shorter(key) and price(shorter(key)) == price(key))}


def pico(value) -> int:
    exact = Decimal(value) * PICO
    rounded = int(exact.to_integral_value())
    if rounded != exact:
        print(f"rounded {value} to {rounded} pico-dollars", file=sys.stderr)
    return rounded


if __name__ == "__main__":
    main()
