"""soma bench: measure recall, memory and learning."""

from soma.cli.lazy import LazyGroup

command = LazyGroup(
    "bench",
    help="Measure recall, memory and learning; `--json` prints one object.",
    package="soma.bench",
    modules={
        "recall": "How often the evidence of a question is found, on each set of a folder (no judge).",
        "locomo": "LoCoMo in detail: intervals, each view left out, context, other shapes.",
        "memory": "Latency, throughput, size and start of remember and recall.",
        "learn": "Whether learning from feedback improves recall, on LoCoMo.",
        "offline": "What the offline model answers from a folder of notes: right, wrong or honest.",
        "teach": "Whether one correction changes the next answer, and no other.",
        "echo": "What a model teaches that always cites wrongly, on LoCoMo.",
        "feedback": "A million durable feedbacks over HTTP, killed, replayed and verified.",
        "turn-metrics": "How long learning delays an iteration, in process and over HTTP.",
        "residual": "How many items one residual vector can hold.",
        "fuzz": "Run random input through one part of Soma and report broken rules.",
        "soak": "A thousand iterations of random rewards, and tenants side by side.",
    },
)
