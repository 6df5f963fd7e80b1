"""A small application as people write them: LangChain looks documents up, a model answers from them, OpenInference traces both.

    rag.py WEIR_URL OTLP_URL QUESTIONS

Calls of the model go through Weir's gateway, and traces to its receiver, so each call is seen twice and kept once.
"""

from __future__ import annotations

import sys

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

HANDBOOK = [
    ("handbook/returns#2", "Goods can be returned within 30 days of delivery.", 0.62),
    ("handbook/refunds#1", "Refunds reach the account within five working days.", 0.41),
]


class Handbook(BaseRetriever):
    """Finds the same two pages for every question, and neither fits well."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [
            Document(page_content=text, metadata={"source": source, "score": score}) for source, text, score in HANDBOOK
        ]


def main() -> None:
    weir, receiver, questions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    provider = TracerProvider(resource=Resource.create({"service.name": "support-desk"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{receiver}/v1/traces")))
    LangChainInstrumentor().instrument(tracer_provider=provider)
    tracer = provider.get_tracer("support-desk")
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Answer from the handbook:\n{pages}"), ("user", "{question}")]
    )
    for number in range(questions):
        question = f"How do I return order {number}?"
        with tracer.start_as_current_span("answer a question"):
            pages = Handbook().invoke(question)
            headers: dict[str, str] = {}
            inject(headers)
            model = ChatOpenAI(
                model="gpt-4o",
                base_url=f"{weir}/v1",
                api_key="sk-client",
                max_retries=0,
                default_headers={**headers, "weir-app": "support-desk"},
            )
            answer = (prompt | model).invoke(
                {"pages": "\n".join(page.page_content for page in pages), "question": question}
            )
            print(answer.content)
    provider.shutdown()


if __name__ == "__main__":
    main()
