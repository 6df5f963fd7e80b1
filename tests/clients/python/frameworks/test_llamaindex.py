"""LlamaIndex's models for OpenAI."""

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI

MESSAGES = [ChatMessage(role="user", content="Why is the sky blue? 日本 🌈")]


def llm(url, sim, **options):
    return OpenAI(
        model="gpt-4o", api_base=f"{url}/v1", api_key="sk-client", max_retries=0, default_headers={"x-sim": sim}, **options
    )


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"17 degrees in {city}"


def test_a_chat(compare):
    comparison = compare.same(lambda url, sim: llm(url, sim).chat(MESSAGES).message.content)
    assert comparison.result


def test_a_stream(compare):
    def run(url, sim):
        model = llm(url, sim, additional_kwargs={"stream_options": {"include_usage": True}})
        return [chunk.delta for chunk in model.stream_chat(MESSAGES)]

    comparison = compare.same(run)
    assert len(comparison.result) > 3


def test_a_completion(compare):
    comparison = compare.same(lambda url, sim: llm(url, sim).complete("Rivers are").text)
    assert comparison.result


def test_a_tool_call(compare):
    def run(url, sim):
        response = llm(url, sim).chat_with_tools(
            [FunctionTool.from_defaults(get_weather)], user_msg="What is the weather in Lisbon?"
        )
        calls = llm(url, sim).get_tool_calls_from_response(response)
        return [(call.tool_name, call.tool_kwargs) for call in calls]

    comparison = compare.same(run)
    assert comparison.result == [("get_weather", {"city": "Lisbon"})]


def test_embeddings(compare):
    def run(url, sim):
        model = OpenAIEmbedding(
            model="text-embedding-3-small", api_base=f"{url}/v1", api_key="sk-client", default_headers={"x-sim": sim}
        )
        return model.get_text_embedding_batch(["a river", "a weir"])

    comparison = compare.same(run)
    assert [len(vector) for vector in comparison.result] == [1536, 1536]
