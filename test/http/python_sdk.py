"""What a Python application does, with the official SDK: prints one JSON line for `python-sdk.test.ts` to look at."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0)
say = [{"role": "user", "content": "Say hello"}]

whole = client.chat.completions.create(model="chat", messages=say)
stream = client.chat.completions.create(model="chat", messages=say, stream=True, stream_options={"include_usage": True})
chunks = list(stream)
completion = client.completions.create(model="chat", prompt="Once")
pieces = list(client.completions.create(model="chat", prompt="Once", stream=True))
vectors = client.embeddings.create(model="embed", input=["one", "two"])
try:
    client.chat.completions.create(model="nothing", messages=say)
    refused = None
except openai.NotFoundError as error:
    refused = {"status": error.status_code, "code": error.code}

print(
    json.dumps(
        {
            "whole": whole.choices[0].message.content,
            "usage": whole.usage.total_tokens,
            "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
            "stream_usage": chunks[-1].usage.total_tokens,
            "completion": completion.choices[0].text,
            "pieces": "".join(piece.choices[0].text for piece in pieces if piece.choices),
            "dimensions": [len(item.embedding) for item in vectors.data],
            "models": sorted(model.id for model in client.models.list()),
            "refused": refused,
        }
    )
)
