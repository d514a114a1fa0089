"""Hundreds of kills at random moments: nothing is lost, nothing leaves twice, and every doubt is shown at once."""

from pathlib import Path

from tests.faults.killing import kill_commands, kill_senders


def test_p24_p04_p05_ticks_that_send_to_a_gateway_killed_at_250_random_moments(folder: Path) -> None:
    toll = kill_senders(folder, 250)
    assert toll.kills == 250
    assert toll.in_doubt > 0
    assert toll.messages > 250


def test_p24_p01_the_command_killed_at_250_random_moments(folder: Path) -> None:
    toll = kill_commands(folder, 240)
    assert toll.kills == 240
    assert toll.messages > 250


def test_p24_the_installed_command_killed_at_random_moments_of_its_whole_life(folder: Path) -> None:
    assert kill_commands(folder, 10, installed=True).kills == 10
