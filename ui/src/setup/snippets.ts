// The few lines that send a client's calls through Weir, with the address that this Weir really has.

export interface Snippet {
  key: string;
  title: string;
  code: string;
}

/** The address that clients should use, from where Weir says it listens. */
export function baseUrl(
  listen: readonly string[],
  page: { protocol: string; hostname: string; origin: string },
): string {
  const address = listen[0];
  if (address === undefined) return page.origin;
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (host === undefined || port === undefined) return page.origin;
  // An address that means "all of this machine's" is reached by the name in the address bar.
  const anywhere = ['0.0.0.0', '[::]', ''].includes(host);
  return anywhere ? `${page.protocol}//${page.hostname}:${port}` : `http://${host}:${port}`;
}

export function snippets(base: string): Snippet[] {
  return [
    {
      key: 'openai-python',
      title: 'OpenAI, Python',
      code: `from openai import OpenAI

client = OpenAI(base_url="${base}/v1")

reply = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Hello through Weir"}],
    extra_headers={"weir-team": "my-team", "weir-app": "my-app"},
)
print(reply.choices[0].message.content)`,
    },
    {
      key: 'openai-js',
      title: 'OpenAI, JavaScript',
      code: `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${base}/v1' });

const reply = await client.chat.completions.create(
  { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello through Weir' }] },
  { headers: { 'weir-team': 'my-team', 'weir-app': 'my-app' } },
);
console.log(reply.choices[0].message.content);`,
    },
    {
      key: 'anthropic',
      title: 'Anthropic, Python',
      code: `from anthropic import Anthropic

client = Anthropic(base_url="${base}")

reply = client.messages.create(
    model="claude-sonnet-4-5",
    max_tokens=256,
    messages=[{"role": "user", "content": "Hello through Weir"}],
    extra_headers={"weir-team": "my-team", "weir-app": "my-app"},
)
print(reply.content[0].text)`,
    },
    {
      key: 'langchain',
      title: 'LangChain',
      code: `from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    model="gpt-4o-mini",
    base_url="${base}/v1",
    default_headers={"weir-team": "my-team", "weir-app": "my-app"},
)
print(llm.invoke("Hello through Weir").content)`,
    },
    {
      key: 'curl',
      title: 'curl',
      code: `curl ${base}/v1/chat/completions \\
  -H "authorization: Bearer $OPENAI_API_KEY" \\
  -H "content-type: application/json" \\
  -H "weir-team: my-team" -H "weir-app: my-app" \\
  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello through Weir"}]}'`,
    },
  ];
}
