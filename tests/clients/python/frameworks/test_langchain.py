"""LangChain's models for OpenAI and Anthropic."""

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

MESSAGES = [SystemMessage("Be brief."), HumanMessage("Why is the sky blue? 日本 🌈")]


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: float


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"17 degrees in {city}"


def chat_openai(url, sim, **options):
    return ChatOpenAI(
        model="gpt-4o", base_url=f"{url}/v1", api_key="sk-client", max_retries=0, default_headers={"x-sim": sim}, **options
    )


def chat_anthropic(url, sim, **options):
    return ChatAnthropic(
        model="claude-sonnet-4-6",
        base_url=url,
        api_key="sk-client",
        max_retries=0,
        max_tokens=400,
        default_headers={"x-sim": sim},
        **options,
    )


def said(message):
    """A message as plain data, without the ids that LangChain draws for each run."""
    return {
        "content": message.content,
        "tool_calls": message.tool_calls,
        "usage": message.usage_metadata,
        "finish": message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason"),
    }


@pytest.mark.parametrize("make", [chat_openai, chat_anthropic])
def test_a_chat(compare, make):
    comparison = compare.same(lambda url, sim: said(make(url, sim).invoke(MESSAGES)))
    assert comparison.result["content"]


@pytest.mark.parametrize("make", [chat_openai, chat_anthropic])
def test_a_stream(compare, make):
    def run(url, sim):
        options = {"stream_usage": True} if make is chat_openai else {}
        chunks = list(make(url, sim, **options).stream(MESSAGES))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        return [len(chunks), said(whole)]

    comparison = compare.same(run)
    assert comparison.result[0] > 3
    assert comparison.result[1]["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("make", [chat_openai, chat_anthropic])
def test_a_tool_call_and_its_result(compare, make):
    def run(url, sim):
        model = make(url, sim).bind_tools([get_weather])
        question = HumanMessage("What is the weather in Lisbon?")
        first = model.invoke([question])
        call = first.tool_calls[0]
        result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
        return [said(first), said(model.invoke([question, first, result]))]

    comparison = compare.same(run)
    assert comparison.result[0]["tool_calls"][0]["args"] == {"city": "Lisbon"}
    assert not comparison.result[1]["tool_calls"]


@pytest.mark.parametrize("make", [chat_openai, chat_anthropic])
def test_structured_output(compare, make):
    comparison = compare.same(
        lambda url, sim: make(url, sim).with_structured_output(Weather).invoke("What is the weather in Lisbon?")
    )
    assert comparison.result.city == "Lisbon"


def test_the_responses_api(compare):
    comparison = compare.same(
        lambda url, sim: said(chat_openai(url, sim, use_responses_api=True).invoke("Tell me about rivers."))
    )
    assert comparison.exchange.path == "/v1/responses"


def test_embeddings(compare):
    """Without counting tokens first, for which LangChain would fetch a tokenizer from the internet."""
    def run(url, sim):
        model = OpenAIEmbeddings(
            model="text-embedding-3-small",
            base_url=f"{url}/v1",
            api_key="sk-client",
            default_headers={"x-sim": sim},
            check_embedding_ctx_length=False,
        )
        return model.embed_documents(["a river", "a weir"])

    comparison = compare.same(run)
    assert [len(vector) for vector in comparison.result] == [1536, 1536]
