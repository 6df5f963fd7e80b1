"""`openai`: responses, embeddings, legacy completions, models."""

from clients import WEATHER_PARAMETERS, openai_client
from pydantic import BaseModel

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather",
    "parameters": WEATHER_PARAMETERS,
    "strict": True,
}


class Weather(BaseModel):
    city: str
    degrees: float


def test_a_response(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).responses.create(
            model="o4-mini", input="Tell me about rivers.", instructions="Be brief."
        )
    )
    assert comparison.result.output_text
    assert comparison.result.usage.output_tokens_details.reasoning_tokens > 0


def test_a_streamed_response(compare):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).responses.create(
                model="gpt-4o", input=[{"role": "user", "content": "Tell me about rivers."}], stream=True
            )
        )
    )
    assert comparison.result[0].type == "response.created"
    assert comparison.result[-1].type == "response.completed"


def test_a_response_that_calls_a_tool_and_goes_on(compare):
    def run(url, sim):
        client = openai_client(url, sim)
        question = {"role": "user", "content": "What is the weather in Rome?"}
        first = client.responses.create(model="gpt-4o", input=[question], tools=[TOOL])
        call = next(item for item in first.output if item.type == "function_call")
        answer = {"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees"}
        said = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
        return [first, client.responses.create(model="gpt-4o", input=[question, said, answer], tools=[TOOL])]

    comparison = compare.same(run)
    assert comparison.result[1].output_text


def test_a_streamed_response_that_calls_a_tool(compare):
    def run(url, sim):
        with openai_client(url, sim).responses.stream(
            model="gpt-4o", input="What is the weather in Rome?", tools=[TOOL]
        ) as stream:
            kinds = [event.type for event in stream]
            return kinds, stream.get_final_response()

    comparison = compare.same(run)
    assert "response.function_call_arguments.done" in comparison.result[0]


def test_a_structured_response(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).responses.parse(
            model="gpt-4o", input="What is the weather in Rome?", text_format=Weather
        )
    )
    assert comparison.result.output_parsed.city == "Rome"


def test_a_response_that_is_cut_at_its_limit(compare):
    comparison = compare.run(
        lambda url, sim: openai_client(url, sim).responses.create(
            model="gpt-4o", input="Tell me about rivers.", max_output_tokens=16
        )
    )
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    assert comparison.result.status == "incomplete"
    assert comparison.span()["finish_reason"] in ("incomplete", "max_output_tokens")


def test_embeddings(compare):
    """The client asks for base64 by itself and decodes it."""
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).embeddings.create(
            model="text-embedding-3-small", input=["a river", "a weir"]
        )
    )
    assert comparison.exchange.request_json()["encoding_format"] == "base64"
    assert len(comparison.result.data[1].embedding) == 1536
    assert comparison.span()["kind"] == "embedding"


def test_embeddings_as_numbers_with_fewer_dimensions(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).embeddings.create(
            model="text-embedding-3-small", input="a river", encoding_format="float", dimensions=256
        )
    )
    assert len(comparison.result.data[0].embedding) == 256


def test_embeddings_of_tokens(compare):
    """What LangChain sends: tokens instead of texts."""
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).embeddings.create(
            model="text-embedding-3-small", input=[[64, 15140], [64, 58495, 343]]
        )
    )
    assert comparison.result.usage.prompt_tokens == 5


def test_a_legacy_completion(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).completions.create(
            model="gpt-3.5-turbo-instruct", prompt="Rivers are", max_tokens=40
        )
    )
    assert comparison.result.choices[0].text


def test_a_streamed_legacy_completion(compare):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).completions.create(
                model="gpt-3.5-turbo-instruct",
                prompt="Rivers are",
                max_tokens=40,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    )
    assert comparison.result[-1].usage.completion_tokens > 0


def test_the_list_of_models(compare):
    """The list is the union of all providers; each of the provider's own models is in it."""
    comparison = compare.run(lambda url, sim: [model.id for model in openai_client(url, sim).models.list()])
    assert comparison.exchange.status == 200
    assert set(comparison.direct) <= set(comparison.result)
