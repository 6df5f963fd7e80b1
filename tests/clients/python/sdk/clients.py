"""The clients as users make them, with the directives for the simulated provider in a header."""

import anthropic
import openai

KEY = "sk-client"


def openai_client(url: str, sim: str, **options) -> openai.OpenAI:
    options = {"api_key": KEY, "max_retries": 0, **options}
    headers = {"x-sim": sim, **options.pop("headers", {})}
    return openai.OpenAI(base_url=f"{url}/v1", default_headers=headers, **options)


def async_openai_client(url: str, sim: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, default_headers={"x-sim": sim})


def anthropic_client(url: str, sim: str, **options) -> anthropic.Anthropic:
    options = {"api_key": KEY, "max_retries": 0, **options}
    headers = {"x-sim": sim, **options.pop("headers", {})}
    return anthropic.Anthropic(base_url=url, default_headers=headers, **options)


WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "A city"}},
    "required": ["city"],
    "additionalProperties": False,
}
