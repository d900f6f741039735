"""The loop over a scripted model: what it does, in which order, and what it leaves behind."""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from tests.agent.memory.test_remember import caught_up
from tests.agent.stage import Person, call

from soma.agent.access.auth import issue_token
from soma.agent.api.feedback import NewFeedback, give
from soma.agent.llm.base import ModelError, ModelUnauthorized, ModelUnavailable, ToolCall
from soma.agent.llm.scripted import Response, calls, says
from soma.agent.models import Membership, Receipt
from soma.agent.record.turn import TurnRecord, fold
from soma.events.chain import verify
from soma.events.facts.codec import fact_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUM = call("calculator", expression="23*19+7")
ANSWERED = ["bundle_built", "model_responded", "iteration_judged", "iteration_completed"]
USED_A_TOOL = [
    "bundle_built", "model_responded", "tool_requested", "tool_decided", "tool_finished", "iteration_judged",
    "iteration_completed",
]  # fmt: skip


def results(record: TurnRecord) -> list[tuple[str, str]]:
    return [(use.finished.status, use.finished.content) for use in record.tool_uses if use.finished]


def answer_of(record: TurnRecord) -> str:
    assert record.complete is not None
    return record.complete.content


def ending(record: TurnRecord) -> str:
    assert record.complete is not None
    return record.complete.exit_reason


def error_code(record: TurnRecord) -> str | None:
    assert record.complete is not None
    return record.complete.error["code"] if record.complete.error else None


# Tools


async def test_a_tool_runs_in_one_iteration_and_is_answered_from_in_the_next(ann):
    model = ann.hears(calls(SUM), says("It is 444."))
    record = await ann.asks("what is 23*19 + 7?")
    assert ann.kinds(record.turn.id) == ["turn_started", *USED_A_TOOL, *ANSWERED, "turn_complete"]
    assert results(record) == [("ok", "444")]
    assert answer_of(record) == "It is 444."
    shown = model.requests[1].messages[-1].parts[0]
    assert (shown.call_id, shown.content) == ("0.0", "444")


async def test_tools_run_four_at_once_and_each_result_is_recorded(ann):
    rest = ann.stage.tools["rest"]
    ann.hears(calls(*(call("rest", text=str(n)) for n in range(9))), says("done"))
    record = await ann.asks("rest nine times")
    assert rest.most == 4
    assert sorted(results(record)) == [("ok", f"rested {n}") for n in range(9)]
    kinds = ann.kinds(record.turn.id)
    assert kinds.count("tool_finished") == 9
    assert kinds.index("tool_finished") > max(n for n, kind in enumerate(kinds) if kind == "tool_decided")


async def test_malformed_arguments_become_an_observation_that_the_model_sees(ann):
    broken = ToolCall(call_id="x", name="calculator", arguments=None, raw='{"expression": ')
    wrong = call("calculator", formula="1+1")
    model = ann.hears(calls(broken, wrong, call("teleport")), says("sorry"))
    record = await ann.asks("calculate")
    assert [status for status, _ in results(record)] == ["invalid"] * 3
    assert "tool_decided" not in ann.kinds(record.turn.id)
    seen = [message.parts[0] for message in model.requests[1].messages if message.role == "tool"]
    assert all(part.is_error for part in seen)
    assert "not a JSON object" in seen[0].content
    assert (seen[2].name, seen[2].content.partition(";")[0]) == ("teleport", "unknown tool")
    assert ending(record) == "final_answer"


async def test_a_denied_tool_is_a_result_that_the_model_sees(ann):
    await ann.knows("the vault opens with the word swordfish")
    model = ann.hears(calls(call("post", text="the vault opens with the word swordfish")), says("I may not"))
    record = await ann.asks("how does the vault open?")
    decided = record.tool_uses[0].decided
    assert decided is not None
    assert (decided.allow, decided.rule) == (False, "tainted_egress")
    assert results(record)[0][0] == "denied"
    seen = model.requests[1].messages[-1].parts[0]
    assert seen.is_error
    assert "tainted_egress" in seen.content
    judged = record.iterations[1].judged
    assert judged is not None
    assert judged.success_factor == 0.0


async def test_the_last_allowed_iteration_is_offered_no_tools(stage):
    bob = await stage.newcomer(max_iterations=2)
    model = bob.hears(calls(SUM), says("444", confidence=0.5))
    record = await bob.asks("what is 23*19 + 7?")
    assert model.requests[0].tools
    assert model.requests[1].tools == ()
    assert ending(record) == "max_iterations"


async def test_a_loop_of_one_iteration_says_that_it_was_one(stage):
    bob = await stage.newcomer(max_iterations=1)
    bob.hears(says("perhaps", confidence=0.2))
    record = await bob.asks("sure?")
    assert (ending(record), len(record.completions)) == ("max_iterations", 1)
    assert (await Receipt.objects.aget(turn_id=record.turn.id)).iterates


async def test_the_receipt_says_how_many_tools_were_offered(ann):
    model = ann.hears(says("444", confidence=1.0))
    record = await ann.asks("what is 23*19 + 7?")
    assert record.started is not None
    receipt = await Receipt.objects.aget(turn_id=record.turn.id)
    assert receipt.tool_k == record.started.tool_k == len(model.requests[0].tools) == 8


async def test_a_model_that_calls_a_tool_where_none_was_offered_has_to_answer_all_the_same(stage):
    bob = await stage.newcomer(max_iterations=1)
    bob.hears(Response(chunks=("so be it",), calls=(call("append", text="no"),)))
    record = await bob.asks("append a line")
    assert answer_of(record) == "so be it"
    assert record.tool_uses == []


async def test_asking_for_the_same_thing_again_and_again_ends_as_no_progress(ann):
    model = ann.hears(calls(SUM), calls(SUM), says("it stays 444"))
    record = await ann.asks("what is 23*19 + 7?")
    assert model.requests[2].tools == ()
    assert ending(record) == "no_progress"


@pytest.mark.parametrize(
    ("limits", "said", "reason", "words"),
    [
        ({}, [calls(SUM)] * 3, "no_progress", "the same tool again and again"),
        ({"max_iterations": 2}, [calls(SUM)] * 2, "max_iterations", "the steps that a turn may take"),
        ({"turn_tokens": 1}, [calls(SUM)] * 2, "budget", "the tokens that a turn may use"),
    ],
)
async def test_a_model_that_only_calls_on_ends_with_the_reason_of_its_last_iteration(
    stage, limits, said, reason, words
):
    bob = await stage.newcomer(**limits)
    bob.hears(*said)
    record = await bob.asks("what is 23*19 + 7?")
    assert record.complete is not None
    assert (ending(record), record.complete.error, record.complete.answer_iteration) == (reason, None, None)
    assert words in answer_of(record)
    assert len(record.tool_uses) == len(said) - 1


async def test_a_spent_budget_ends_the_turn_with_an_answer(stage):
    bob = await stage.newcomer(turn_tokens=1)
    model = bob.hears(calls(SUM), says("444", confidence=0.5))
    assert ending(await bob.asks("what is 23*19 + 7?")) == "budget"
    assert model.requests[1].tools == ()


# Endings


async def test_a_sure_answer_converges_and_an_unsure_one_is_final(stage):
    bob = await stage.newcomer(refine="off")
    bob.hears(says("surely", confidence=1.0), says("perhaps", confidence=0.2))
    assert ending(await bob.asks("sure?")) == "converged"
    assert ending(await bob.asks("sure?")) == "final_answer"


async def test_a_turn_iterates_at_least_as_often_as_it_must(stage):
    bob = await stage.newcomer(min_iterations=3)
    bob.hears(*[says(f"draft {n}", confidence=1.0) for n in range(3)])
    record = await bob.asks("think thrice")
    assert (ending(record), len(record.completions)) == ("converged", 3)


# Refinement


async def test_a_refinement_opens_with_draft_replaced_and_the_best_answer_wins(stage):
    bob = await stage.newcomer(refine="always")
    bob.hears(says("a draft", confidence=0.8), says("worse", confidence=0.3))
    record = await bob.asks("what is new?")
    kinds = bob.kinds(record.turn.id)
    assert kinds.count("model_responded") == 2  # at most one refinement
    assert kinds[kinds.index("iteration_completed") + 1] == "draft_replaced"
    assert record.complete is not None
    assert (record.complete.answer_iteration, answer_of(record)) == (0, "a draft")
    assert record.complete.convergence_score == pytest.approx(0.8)


FACTS = [
    *(f"Miso the cat ate tuna number {n}" for n in range(30)),
    *(f"The train to Bern leaves platform {n} at nine" for n in range(30)),
]


async def test_a_draft_that_finds_other_memories_is_revised_with_them(ann):
    await ann.knows(*FACTS)
    draft = "the train to Bern leaves platform 7 at nine, the train to Bern leaves platform 8 at nine"
    model = ann.hears(says(draft, confidence=0.5), says("tuna", confidence=0.6))
    record = await ann.asks("what did Miso the cat eat?")
    first, second = (record.iterations[n].bundle for n in (0, 1))
    assert first is not None
    assert second is not None
    assert {m.id for m in first.memories} != {m.id for m in second.memories}
    assert [message.role for message in model.requests[1].messages[-2:]] == ["assistant", "user"]
    assert ann.kinds(record.turn.id).count("draft_replaced") == 1


async def test_a_model_that_says_that_it_has_no_answer_is_not_asked_again(ann):
    await ann.knows(*FACTS)
    ann.hears(says("I don't know when the train to Bern leaves", confidence=0.0))
    record = await ann.asks("what did Miso the cat eat?")
    assert (len(record.completions), ending(record)) == (1, "final_answer")


async def test_a_draft_that_cites_a_memory_is_revised_however_unsure_it_is(ann):
    await ann.knows(*FACTS)
    draft = "the train to Bern leaves platform 7 at nine [1], the train to Bern leaves platform 8 at nine"
    ann.hears(says(draft, confidence=0.0), says("tuna", confidence=0.6))
    assert len((await ann.asks("what did Miso the cat eat?")).completions) == 2


@pytest.mark.parametrize(("refine", "confidence"), [("off", 0.5), ("evidence", 0.95)])
async def test_a_draft_stands_where_refinement_is_off_or_it_has_converged(stage, refine, confidence):
    bob = await stage.newcomer(refine=refine)
    await bob.knows(*FACTS)
    bob.hears(says("the train to Bern leaves at nine", confidence=confidence))
    assert len((await bob.asks("what did Miso the cat eat?")).completions) == 1


async def test_a_draft_that_finds_nothing_new_stands(ann):
    await ann.knows("Miso is a cat")
    ann.hears(says("Miso is a cat [1]", confidence=0.5))
    record = await ann.asks("who is Miso?")
    assert len(record.completions) == 1
    assert record.complete is not None
    assert [citation["text"] for citation in record.complete.citations] == ["Miso is a cat"]
    assert record.iterations[0].spoken.cited == [record.complete.citations[0]["id"]]


async def test_a_draft_whose_cited_memory_says_so_is_not_asked_for_again(ann):
    await ann.knows(*FACTS)
    model = ann.hears(says("Miso ate tuna number one [1]."))
    assert (len((await ann.asks("what did Miso the cat eat?")).completions), len(model.requests)) == (1, 1)


async def test_an_answer_that_needs_no_memory_is_not_revised(ann):
    await ann.knows(*FACTS)
    model = ann.hears(says("That makes 42."))
    assert (len((await ann.asks("what is 6 * 7?")).completions), len(model.requests)) == (1, 1)


async def test_a_sum_sends_no_memory_to_the_model(ann):
    await ann.knows(*FACTS)
    ann.hears(says("That makes 41."))
    record = await ann.asks("what is 6*7?")
    bundle = record.iterations[0].bundle
    assert bundle is not None
    assert (bundle.memories, bundle.degraded) == ([], None)
    assert record.weights == (await ann.agent.brain.state(ann.principal)).weights
    said = {"turn_id": record.turn.id, "thumb": -1, "correction": "6*7 makes 42."}
    await give(ann.caller, NewFeedback.model_validate(said))


async def test_small_talk_ends_at_once_however_unsure_its_answer_is(ann):
    await ann.knows(*FACTS)
    draft = "the train to Bern leaves platform 7 at nine, the train to Bern leaves platform 8 at nine"
    model = ann.hears(says(draft, confidence=0.5))
    assert (len((await ann.asks("bye")).completions), len(model.requests)) == (1, 1)


async def test_a_name_that_no_tool_has_does_not_reach_the_learner(ann):
    ann.hears(calls(call("shell", command="ls"), SUM), says("42", confidence=1.0))
    record = await ann.asks("what is 6*7?")
    judged = record.iterations[0].judged
    assert judged is not None
    assert judged.tools_used == ["calculator"]
    assert judged.tool_outcomes == {"calculator": "ok"}
    state = await ann.agent.brain.state(ann.principal)
    assert "shell" not in state.usefulness


# Evidence


async def test_confidence_counts_what_is_cited_and_not_all_that_was_shown(ann):
    await ann.knows("Miso is a cat", "Rex is a dog")
    ann.hears(says("Miso is a cat"), says("Miso is a cat [1]"))
    plain = await ann.asks("who is Miso?")
    cited = await ann.asks("who is Miso?")
    assert [turn.completions[0].confidence for turn in (plain, cited)] == [0.0, 1.0]


async def test_an_answer_is_no_evidence_for_itself(ann):
    moon = "Lisbon lies on the far side of the moon"
    ann.hears(says(moon), says(moon))
    first = await ann.asks("where is the town?")
    await caught_up(ann)
    second = await ann.asks(f"so {moon}", conversation_id=await ann.another_conversation())
    shown = second.iterations[0].bundle
    assert shown is not None
    assert moon in [memory.text for memory in shown.memories]
    assert [record.completions[0].confidence for record in (first, second)] == [0.0, 0.0]
    assert [ending(record) for record in (first, second)] == ["final_answer"] * 2


async def test_what_the_user_stated_is_evidence(ann):
    ann.hears(says("a fine name", confidence=1.0), says("My cat is called Miso [1]"))
    await ann.asks("My cat is called Miso. What do you say?")
    await caught_up(ann)
    record = await ann.asks("what is my cat called?", conversation_id=await ann.another_conversation())
    assert record.completions[0].confidence == 1.0


# Models that fail


async def test_a_refused_key_ends_the_turn_as_an_error_with_its_code(ann):
    ann.hears(Response(failure=ModelUnauthorized("the key is refused")))
    record = await ann.asks("hello?")
    assert (ending(record), error_code(record)) == ("error", "model_unauthorized")
    assert "something went wrong" in answer_of(record)


async def test_an_unavailable_model_is_tried_again_and_the_trace_says_how_often(ann):
    away = ModelUnavailable("busy", retry_after=0.01)
    ann.hears(Response(failure=away), Response(failure=away), says("here I am"))
    record = await ann.asks("hello?")
    assert answer_of(record) == "here I am"
    assert record.iterations[0].spoken.attempts == 3


async def test_a_model_that_stays_away_ends_the_turn_as_an_error(ann):
    ann.hears(*[Response(failure=ModelUnavailable("busy", retry_after=0.01))] * 3)
    record = await ann.asks("hello?")
    assert (ending(record), error_code(record)) == ("error", "model_unavailable")


async def test_a_cut_stream_takes_its_text_back_and_starts_again(ann):
    cut = Response(chunks=("half an",), failure=ModelUnavailable("cut", retry_after=0.01))
    ann.hears(cut, says("a whole answer"))
    turn_id = await ann.sends("hello?")
    frames = await ann.frames()
    shown = [
        (frame["payload"]["offset"], frame["payload"]["text"]) if frame["type"] == "chat.delta" else frame["type"]
        for frame in frames
    ]
    at = shown.index("chat.draft_replaced")
    assert shown[at + 1] == (0, "a")
    record = await ann.end_of(turn_id)
    assert answer_of(record) == "a whole answer"


async def test_an_empty_answer_is_an_error_and_not_a_blank_message(ann):
    ann.hears(Response())
    assert error_code(await ann.asks("hello?")) == "model_failed"


async def test_a_capsule_whose_model_is_not_to_be_had_answers_with_an_error(ann):
    record = await ann.asks("hello?")  # no script was given: the name is unknown
    assert (ending(record), error_code(record)) == ("error", "model_failed")
    assert [role for role, _ in await ann.said()] == ["user", "assistant"]


async def test_the_door_that_says_which_model_answers_says_where_a_capsules_own_cannot(ann):
    membership = await Membership.objects.aget(tenant_id=ann.caller.tenant_id, user_id=ann.caller.user_id)
    headers = {"Authorization": f"Bearer {(await sync_to_async(issue_token)(membership, 'test')).text}"}
    answer = (await AsyncClient().get("/api/v2/model", headers=headers)).json()
    [own] = answer["capsules"]
    assert (answer["name"], own["model"]) == ("offline", f"scripted/{ann.caller.tenant_id}")
    assert own["fault"].startswith(f"unknown model 'scripted/{ann.caller.tenant_id}': ")


async def test_a_mistake_of_ours_ends_the_turn_and_tells_no_secrets(ann):
    ann.hears(Response(failure=ZeroDivisionError("secret")))  # type: ignore[arg-type]
    record = await ann.asks("hello?")
    assert error_code(record) == "internal"
    assert "secret" not in str(record.complete)


async def test_a_conversation_goes_on_after_an_error(ann):
    model = ann.hears(Response(failure=ModelError("no")), says("yes", confidence=1.0))
    await ann.asks("first")
    assert answer_of(await ann.asks("second")) == "yes"
    assert [message.role for message in model.requests[1].messages] == ["system", "user", "assistant", "user"]


# What is left behind


async def test_every_fact_is_in_the_log_before_the_next_step_begins(ann):
    """The model, a tool and the brain are steps: when each is entered, what came before is read back from the log."""
    seen: list[list[str]] = []

    class Watching:
        name, context_tokens = "watching", 8_192

        def __init__(self, inner):
            self.inner = inner

        async def stream(self, request):
            seen.append(ann.kinds(await turn_id()))
            async for delta in self.inner.stream(request):
                yield delta

    async def turn_id() -> str:
        from soma.agent.models import Turn

        return str((await Turn.objects.aget(conversation_id=ann.conversation_id)).id)

    model = ann.hears(calls(SUM), says("444"))
    ann.stage.models[f"scripted/{ann.caller.tenant_id}"] = Watching(model)
    await ann.asks("what is 23*19 + 7?")
    assert seen == [["turn_started", "bundle_built"], ["turn_started", *USED_A_TOOL, "bundle_built"]]


async def whole(ann: Person) -> TurnRecord:
    await ann.knows("23*19 + 7 is a sum that Ann likes")
    ann.hears(calls(SUM), says("It is 444 [1].", confidence=0.7))
    return await ann.asks("what is 23*19 + 7, the sum that Ann likes?")


async def test_iteration_rows_are_complete_and_their_deltas_are_the_differences(ann):
    record = await whole(ann)
    rows = await ann.rows(record.turn.id)
    assert [row.iteration_number for row in rows] == [0, 1]
    for row in rows:
        empty = {name for name, value in vars(row).items() if value in (None, "", {}, [])}
        assert empty <= {"content", "convergence_score", "exit_reason", "tool_calls", "tool_results", "verdicts"}
        assert row.weights_before
        assert row.neuromodulators_before
        assert row.weight_deltas == {
            name: after - row.weights_before[name] for name, after in row.weights_after.items()
        }
        assert row.started_at < row.completed_at == row.created_at
        assert row.metadata["learning"] == "success"
    first, second = rows
    assert second.started_at == first.completed_at
    assert (len(first.tool_calls), len(first.tool_results), len(first.verdicts)) == (1, 1, 1)
    assert first.convergence_score is None
    assert second.convergence_score == second.confidence * second.success_factor * second.tool_utility
    assert second.exit_reason == record.exit_reason
    assert second.weights_before == first.weights_after
    assert second.neuromodulators_before == first.neuromodulators_after
    assert set(second.lanes["memory"]) == {"budget", "actual", "dropped"}


async def test_the_receipt_holds_the_head_of_a_chain_that_verifies(ann):
    record = await whole(ann)
    events = ann.events(record.turn.id)
    receipt = await Receipt.objects.aget(turn_id=record.turn.id)
    assert verify(events).hash == receipt.chain_head == events[-1].hash
    assert (receipt.iterations, receipt.exit_reason) == (2, ending(record))
    assert receipt.tokens > 0
    assert receipt.lanes


async def test_what_a_trace_reads_from_the_log_is_what_the_loop_had(ann):
    record = await whole(ann)
    again = fold(record.turn, map(fact_of, ann.events(record.turn.id)))
    assert (again.iterations, again.complete) == (record.iterations, record.complete)
    assert record.complete is not None
    assert record.complete.final_weights == record.completions[-1].weights_after


async def test_a_conversation_keeps_its_messages_with_their_size_and_gets_a_title(ann):
    from soma.agent.models import Conversation, Message

    ann.hears(says("hello Ann", confidence=1.0))
    await ann.asks("  hello\n there ")
    assert await ann.said() == [("user", "  hello\n there "), ("assistant", "hello Ann")]
    assert (await Conversation.objects.aget(id=ann.conversation_id)).title == "hello there"
    sizes = [row.token_count async for row in Message.objects.filter(conversation_id=ann.conversation_id)]
    assert min(sizes) > 0


async def test_the_next_message_is_asked_with_the_exchange_before_it(ann):
    model = ann.hears(says("Miso", confidence=1.0), says("yes", confidence=1.0))
    await ann.asks("who?")
    await ann.asks("sure?")
    history = [part.text for message in model.requests[1].messages[1:3] for part in message.parts]
    assert history == ["who?", "Miso"]
