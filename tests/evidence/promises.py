"""What the README promises, sentence by sentence, and what holds each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A long run, and the figures on its page that tell what came of it."""

    page: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Sentences as they stand in the README, the tests that hold them, and the long runs."""

    words: str
    tests: tuple[str, ...]  # below `tests/`: a file, or a test in it
    runs: tuple[Run, ...] = ()


KILLS = Run("kills.md", ("kills", "messages", "in doubt, shown by the next tick", "lost", "doubled"))
POWER = Run("power-cuts.md", ("cuts", "images", "damaged", "commits forgotten", "messages doubled or lost"))
MONTHS = Run("simulation.md", ("seeds", "commits judged", "messages that servers took", "crashes", "broken invariants"))
ORACLE = Run("timing-oracle.md", ("cases", "changes of the clocks, 1970 to 2100", "disagreements"))
YEAR = Run("a-year.md", ("families", "years", "ticks with work", "messages that left", "rules broken"))

PROMISES = (
    Promise(
        words="The first command sets up a co-op in a temporary folder and runs it on 501 families",
        tests=("docs/test_examples.py::test_the_example_tells_its_story_and_starts_nothing_the_second_time",),
    ),
    Promise(
        words="Every step that becomes due is either carried out, or waiting with a known reason and time, or in front"
        " of a person.",
        tests=(
            "faults/test_promises.py::test_whatever_happens_nothing_is_stuck_sent_twice_or_done_after_the_end",
            "simulation/test_simulation.py::test_no_month_breaks_an_invariant",
            "faults/test_bad_instances.py",
        ),
        runs=(MONTHS,),
    ),
    Promise(
        words="coopflow hands each message over at most once on its own.",
        tests=(
            "faults/test_kill_points.py",
            "faults/test_many_ticks.py",
            "faults/test_overlap.py",
            "powercut/test_power_cuts.py",
        ),
        runs=(KILLS, POWER, MONTHS),
    ),
    Promise(
        words="If it died in the moment between handing over and writing that down, the message is marked *in doubt*,"
        " you are told within one tick, and nothing is sent again until you decide.",
        tests=("faults/test_mail_kills.py", "faults/test_text_kills.py", "faults/test_many_kills.py"),
        runs=(KILLS,),
    ),
    Promise(
        words="*Accepted* means that the server took it, never that it was read.",
        tests=("stories/test_mail_server.py::test_a_mail_leaves_and_is_accepted_which_is_all_that_anybody_knows",),
    ),
    Promise(
        words="**Nothing is sent twice behind your back.** The intent is on disk before a message leaves, under a key"
        " that the database lets exist once.",
        tests=(
            "store/test_migrations.py::test_a_message_has_at_most_one_attempt_that_is_live_or_was_accepted",
            "powercut/test_power_cuts.py",
            "powercut/test_disk_errors.py",
            "faults/test_recovery.py",
            "keeping/test_restore.py",
            "keeping/test_place.py",
        ),
        runs=(POWER, KILLS),
    ),
    Promise(
        words="**Nothing leaves at 2 am on a Saturday.** Windows are kept in the family's own time zone, over clock"
        " changes and holidays, and looked at again in the moment before a message leaves.",
        tests=(
            "oracle/test_oracle.py::test_the_arithmetic_of_time_is_that_of_the_oracle_around_every_change_of_every_clock",
            "year/test_a_year.py::test_a_year_of_a_co_op_breaks_no_rule",
            "faults/test_clock_faults.py",
            "faults/test_last_call.py",
        ),
        runs=(ORACLE, YEAR),
    ),
    Promise(
        words="**Nothing is forgotten.** An active instance has a due time, an open task or an event it waits for.",
        tests=("stories/test_flow.py", "simulation/test_simulation.py::test_no_month_breaks_an_invariant"),
        runs=(MONTHS,),
    ),
    Promise(
        words="**No raw `{{ name }}` ever reaches a family.** A hole in a text goes to a person instead.",
        tests=(
            "texts/test_message_templates.py::test_a_hole_in_a_text_is_named_with_its_family",
            "stories/test_messages.py::test_a_hole_in_a_text_goes_to_a_person_and_no_placeholder_leaves",
            "stories/test_holes.py",
        ),
    ),
    Promise(
        words="**Every word can be proven.** Whatever happened, and every decision *not* to do something, is in a"
        " hash-chained log; names and addresses in it can be erased without breaking the chain.",
        tests=(
            "store/test_log.py",
            "stories/test_triggers.py::test_what_did_not_start_has_its_reason_on_record",
            "keeping/test_forget.py::test_o24_not_a_byte_is_left_and_the_trail_still_verifies",
        ),
        runs=(MONTHS,),
    ),
    Promise(
        words="One line in the crontab keeps it going; it is silent unless a person is needed",
        tests=(
            "cli/test_init.py::test_the_line_for_cron_runs",
            "cli/test_tick.py::test_a_tick_in_the_bare_environment_of_cron_is_the_same",
            "cli/test_tick.py::test_a_tick_is_silent_whether_or_not_it_has_something_to_do",
            "cli/test_tick.py::test_what_needs_a_person_is_told_once_each",
        ),
    ),
    Promise(
        words="To begin with, every message becomes a file in `outbox/` that you can open, and nothing leaves the"
        " machine.",
        tests=(
            "channels/test_outbox.py::test_an_email_is_a_file_that_a_mail_program_opens",
            "cli/test_init.py::test_what_init_made_ticks_and_is_valid",
            "stories/test_calls.py::test_with_the_outbox_it_becomes_a_file_and_nothing_is_asked",
        ),
    ),
    Promise(
        words="[go live](docs/how-to/go-live.md) step by step, first with everything redirected to you.",
        tests=(
            "cli/test_way_out.py::test_o18_redirect_writes_to_one_address_only",
            "cli/test_way_out.py::test_o19_a_live_tick_without_go_live_is_refused_and_go_live_lists_what_would_leave",
            "stories/test_way_out.py",
        ),
    ),
    Promise(
        words="Each command's `--help` has an example.",
        tests=("docs/test_docs.py::test_every_command_shows_an_example_in_its_help",),
    ),
)
