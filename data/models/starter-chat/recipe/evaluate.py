"""Asks a server every question of a file, greedy, and prints the share of right answers and refusals.

    python evaluate.py --base-url http://127.0.0.1:8484/v1 --model starter-chat --questions eval/held-out.jsonl [--key KEY] [--extract]

An answer is right when it holds one of the spans and cites a passage that holds it; a refusal is right when it is the model's
fixed sentence. The passages come with the question. With `--extract` only a sentence of the passages with its number, or the refusal,
can be answered, as with `answer: extract` of a route. Needs nothing but the standard library.
"""

import argparse
import json
import re
import time
import urllib.request

REFUSAL = "I could not find that in the passages."
SENTENCE_END = re.compile(r"(?<=[.!?:])[\"')`*]*\s+(?=[A-Z`\"'(*\[])")
SYSTEM = "Answer the question from the numbered passages. Cite the passage like [1]. If they do not hold the answer, say so."


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def messages(row: dict, nonce: str = "9f2c1ab4") -> list[dict]:
    items = "\n".join(f"[{n}] {p['heading']}\n{p['text']}" for n, p in enumerate(row["passages"], 1))
    user = f"<passages-{nonce}>\n{items}\n</passages-{nonce}>\n\nQuestion: {row['question']}"
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]


def extracts(row: dict) -> list[str]:
    """All that may be answered: each sentence, item and line of code with the first passage that holds it, and the refusal."""
    numbers: dict[str, int] = {}
    for number, passage in enumerate(row["passages"], 1):
        code = False
        for line in passage["text"].split("\n"):
            if line.strip().startswith("```"):
                code = not code
                continue
            line = re.sub(r"^\s*([-*+]|\d+[.)])\s+", "", line).strip()
            for sentence in [line] if code else SENTENCE_END.split(line):
                if sentence.strip():
                    numbers.setdefault(sentence.strip(), number)
    return [*(f"{sentence} [{number}]" for sentence, number in numbers.items()), REFUSAL]


def judge(row: dict, answer: str) -> str:
    """`right`, `uncited` (right span, wrong or no citation), `wrong` or `refused`."""
    if REFUSAL in answer:
        return "refused"
    if not any(flat(span) in flat(answer) for span in row["answers"]):
        return "wrong"
    return "right" if {int(n) for n in re.findall(r"\[(\d+)\]", answer)} & set(row["cite"]) else "uncited"


def verdict(row: dict, answer: str, show: bool) -> str:
    """Judges an answer, and prints it where asked to and it is not right."""
    judged = judge(row, answer)
    if show and judged != ("right" if row["answers"] else "refused"):
        print(f"{judged:8} {row['question']}\n         {flat(answer)}")
    return judged


def summary(rows: list[dict], verdicts: list[str]) -> dict:
    known = [v for row, v in zip(rows, verdicts) if row["answers"]]
    unknown = [v for row, v in zip(rows, verdicts) if not row["answers"]]
    count = {v: known.count(v) for v in ("right", "uncited", "wrong", "refused")}
    return {"answerable": len(known), **count, "right share": round(count["right"] / max(1, len(known)), 3),
            "unanswerable": len(unknown), "refused share": round(unknown.count("refused") / max(1, len(unknown)), 3)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", default="http://127.0.0.1:8484/v1")
    parser.add_argument("--model", default="starter-chat")
    parser.add_argument("--questions", required=True)
    parser.add_argument("--key")
    parser.add_argument("--extract", action="store_true")
    parser.add_argument("--show", action="store_true", help="print every answer that is not right")
    arguments = parser.parse_args()
    rows, verdicts, tokens, began = [json.loads(line) for line in open(arguments.questions)], [], 0, time.time()
    for row in rows:
        body = {"model": arguments.model, "messages": messages(row), "temperature": 0, "max_tokens": 120}
        if arguments.extract:
            body["structured_outputs"] = {"choice": extracts(row)}
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {arguments.key}"} if arguments.key else {})
        request = urllib.request.Request(arguments.base_url + "/chat/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            reply = json.load(response)
        answer = reply["choices"][0]["message"]["content"] or ""
        tokens += reply.get("usage", {}).get("completion_tokens", 0)
        verdicts.append(verdict(row, answer, arguments.show))
    print(json.dumps(summary(rows, verdicts) | {"completion tokens": tokens, "seconds": round(time.time() - began, 1)}))


if __name__ == "__main__":
    main()
