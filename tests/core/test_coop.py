"""Who a workflow means by the names that it gives to people."""

from msgspec.structs import replace

from tests.world import World


def test_the_coordinator_is_the_first_of_them_unless_one_is_called_so(coop: World) -> None:
    assert [coop.coop.person(name) for name in ("coordinator", "mike", "nobody")] == ["sarah", "mike", "nobody"]
    called_so = replace(coop.coop, coordinators={"sarah": {}, "coordinator": {}})
    assert called_so.person("coordinator") == "coordinator"
    assert replace(coop.coop, coordinators={}).person("coordinator") == "coordinator"
