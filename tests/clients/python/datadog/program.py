"""A program that people have: ddtrace with LLM Observability on, and nothing that knows of Weir.

Run as a process of its own, because ddtrace reads its settings and patches libraries when it is imported. Prints one line
of JSON: what it saw, for comparison with what was stored.
"""

import json
import os
import sys

from ddtrace import tracer
from ddtrace.llmobs import LLMObs

SAW: dict = {}


def ids(span):
    """A span as Weir names it: the APM trace's id and its own, in hexadecimal."""
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


def openai_client():
    import openai

    return openai.OpenAI(base_url=f"{os.environ['SIMULATOR_URL']}/v1", api_key="sk-test", max_retries=0)


def manual():
    """Spans of every kind, made by hand."""
    with LLMObs.workflow("answer", session_id="s-1") as workflow:
        SAW["workflow"] = ids(workflow)
        LLMObs.annotate(input_data="why?", output_data="so", tags={"team": "search", "tier": "gold"})
        with LLMObs.agent("planner") as agent:
            SAW["agent"] = ids(agent)
            with LLMObs.tool("lookup") as tool:
                SAW["tool"] = ids(tool)
                LLMObs.annotate(input_data={"order": 1}, output_data="found", metadata={"attempt": 2})
            with LLMObs.retrieval("vector") as retrieval:
                SAW["retrieval"] = ids(retrieval)
                documents = [{"text": "a river", "name": "d1", "id": "1", "score": 0.87}, {"text": "a weir", "score": 0.5}]
                LLMObs.annotate(input_data="rivers", output_data=documents)
            with LLMObs.llm(model_name="house-model", model_provider="custom", name="generate") as llm:
                SAW["llm"] = ids(llm)
                LLMObs.annotate(
                    input_data=[{"role": "user", "content": "日本 🌈"}],
                    output_data=[{"role": "assistant", "content": "yes"}],
                    metadata={"temperature": 0.1, "finish_reason": "stop"},
                    metrics={
                        "input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cache_read_input_tokens": 4,
                        "reasoning_output_tokens": 2, "time_to_first_token": 0.25, "total_cost": 0.003,
                    },
                    tags={"user_id": "u-7"},
                )
                exported = LLMObs.export_span(llm)
        with LLMObs.task("format") as task:
            SAW["task"] = ids(task)
        with LLMObs.embedding(model_name="emb", model_provider="custom", name="embed") as embedding:
            SAW["embedding"] = ids(embedding)
            LLMObs.annotate(input_data=[{"text": "abc"}], output_data="[1 vector]", metrics={"input_tokens": 3})
        try:
            with LLMObs.llm(model_name="house-model", name="broken") as broken:
                SAW["broken"] = ids(broken)
                raise ValueError("bad thing")
        except ValueError:
            pass
    return exported


def evaluations(exported):
    for label, kind, value in [("faithfulness", "score", 0.8), ("tone", "categorical", "nice"), ("ok", "boolean", True)]:
        LLMObs.submit_evaluation(span=exported, label=label, metric_type=kind, value=value, reasoning="because")


def usage_of(answer):
    return {"input": answer.usage.prompt_tokens, "output": answer.usage.completion_tokens, "model": answer.model}


def integrations():
    """Calls that ddtrace traces by itself."""
    client = openai_client()
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]
    with LLMObs.agent("helper") as agent:
        SAW["helper"] = ids(agent)
        answer = client.chat.completions.create(model="gpt-4o", messages=messages, temperature=0.2)
        SAW["openai"] = {**usage_of(answer), "text": answer.choices[0].message.content}
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
        question = [{"role": "user", "content": "What is the weather in Lisbon?"}]
        answer = client.chat.completions.create(model="gpt-4o", messages=question, tools=tools)
        SAW["tool_call"] = usage_of(answer)
        # ddtrace itself asks for the usage of streams.
        text = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
            if chunk.choices
        )
        SAW["stream"] = {"text": text}
        client.embeddings.create(model="text-embedding-3-small", input=["a river", "a weir"])
    import anthropic

    with LLMObs.workflow("claude") as workflow:
        SAW["claude"] = ids(workflow)
        claude = anthropic.Anthropic(base_url=os.environ["SIMULATOR_URL"], api_key="sk-test", max_retries=0)
        options = {"model": "claude-sonnet-4-6", "max_tokens": 200, "system": "Be brief."}
        answer = claude.messages.create(messages=[{"role": "user", "content": "Why?"}], **options)
        usage = answer.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        SAW["anthropic"] = {"input": usage.input_tokens + cached, "output": usage.output_tokens, "text": answer.content[0].text}
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI

    with LLMObs.workflow("chain") as workflow:
        SAW["chain"] = ids(workflow)
        base_url = f"{os.environ['SIMULATOR_URL']}/v1"
        model = ChatOpenAI(model="gpt-4o", base_url=base_url, api_key="sk-test", max_retries=0)
        said = (ChatPromptTemplate.from_template("Tell me about {x}") | model).invoke({"x": "rivers"})
        SAW["langchain"] = {"input": said.usage_metadata["input_tokens"], "output": said.usage_metadata["output_tokens"]}
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    with LLMObs.workflow("index") as workflow:
        SAW["index"] = ids(workflow)
        model = OpenAI(model="gpt-4o", api_base=base_url, api_key="sk-test", max_retries=0)
        answer = model.chat([ChatMessage(role="user", content="Tell me about rivers.")])
        SAW["llama_index"] = usage_of(answer.raw)


def plain():
    """APM without anything about models."""
    with tracer.trace("flask.request", service="web", resource="GET /orders", span_type="web") as span:
        span.set_tag("http.status_code", "404")
        SAW["web"] = ids(span)


def main(what):
    options = {}
    if "agentless" in what:
        options = {"agentless_enabled": True, "api_key": "k", "site": "datadoghq.com"}
    LLMObs.enable(ml_app="shop", **options)
    if "manual" in what:
        evaluations(manual())
    if "integrations" in what:
        integrations()
    if "plain" in what:
        plain()
    LLMObs.flush()
    tracer.flush()
    print(json.dumps(SAW))


if __name__ == "__main__":
    main(sys.argv[1:])
