import itertools

from coopflow.render import progress, say


def a_clock(step):
    """Return a clock that moves on by so many seconds whenever it is looked at."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def test_a_message_is_one_line_whatever_is_in_it(pipe):
    say("cannot read [/x]\x1b[2J\nforged", "second", stderr=pipe)
    assert pipe.getvalue() == "cannot read [/x]\\x1b[2J\\nforged\nsecond\n"


def test_talk_goes_to_standard_error(capsys):
    say("done")
    assert capsys.readouterr() == ("", "done\n")


def test_a_process_without_standard_error_goes_on(pipe, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    say("nobody hears it")
    pipe.close()
    say("nor this", stderr=pipe)


def test_quick_work_has_no_bar(terminal):
    assert list(progress("abc", 3, "Reading", terminal, clock=a_clock(0.1))) == ["a", "b", "c"]
    assert terminal.text == ""


def test_long_work_has_a_bar_with_its_words_and_count(terminal):
    assert list(progress("abc", 3, "[red]Reading\x1b", terminal, clock=a_clock(1.5))) == ["a", "b", "c"]
    assert "[red]Reading\\x1b" in terminal.text
    assert "2/3" in terminal.text
    assert "3/3" in terminal.text


def test_where_nobody_knows_how_many_there_are_they_are_counted(terminal):
    assert list(progress("abc", None, "Reading", terminal, clock=a_clock(1.5))) == ["a", "b", "c"]
    assert " 2 " in terminal.text
    assert "/?" not in terminal.text


def test_words_take_the_place_of_the_bar_and_it_is_drawn_below_them(terminal):
    for item in progress("abc", 3, "Reading", terminal, clock=a_clock(3)):
        if item == "b":
            say("line 7 is bad", stderr=terminal)
    before, _, after = terminal.text.partition("line 7 is bad\n")
    assert before.endswith("\r\x1b[2K")
    assert "Reading" in before
    assert "3/3" in after
    terminal.truncate(0)
    say("done", stderr=terminal)
    assert terminal.text.lstrip("\0") == "done\n"


def test_a_process_without_standard_error_has_no_bar():
    assert list(progress("abc", 3, "Reading", None, clock=a_clock(3))) == ["a", "b", "c"]


def test_a_bar_leaves_nothing_behind_when_the_work_is_broken_off(terminal):
    items = progress("abc", 3, "Reading", terminal, clock=a_clock(3))
    assert [next(items), next(items)] == ["a", "b"]
    items.close()
    assert terminal.text.endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.text


def test_a_pipe_has_no_bar_and_the_clock_is_not_read(pipe):
    def never():
        raise AssertionError

    assert list(progress("abc", 3, "Reading", pipe, clock=never)) == ["a", "b", "c"]
    assert pipe.getvalue() == ""


def test_a_dumb_terminal_has_no_bar(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert list(progress("abc", 3, "Reading", terminal, clock=a_clock(3))) == ["a", "b", "c"]
    assert terminal.text == ""
