import pytest

pytest.register_assert_rewrite(f"{__name__}.contract")  # it is imported by tests, so pytest would not find its asserts
