from hypothesis import given
from hypothesis import strategies as st

from services.desk.statistics import HourRate
from webapp.screens.charts import bar_chart, grid_step, heat_map

days = st.lists(
    st.integers(0, 10_000).flatmap(lambda whole: st.tuples(st.just(whole), st.integers(0, whole))),
    max_size=90,
)


@given(days)
def test_bars_stay_inside_the_drawing_and_parts_inside_their_bars(numbers: list[tuple[int, int]]):
    chart = bar_chart([("", whole, part) for whole, part in numbers])
    for bar in chart.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= 100
        assert 0 <= bar.whole_y <= bar.part_y <= chart.base
        assert abs(bar.whole_y + bar.whole_height - chart.base) < 0.02
    assert len(chart.bars) == len(numbers)
    assert 2 <= len(chart.lines) <= 5


def test_where_there_is_little_room_every_second_label_can_be_left_out():
    chart = bar_chart([(label, 1, 0) for label in ("1.", "", "2.", "", "3.")])
    assert [bar.label for bar in chart.bars if bar.label and not bar.minor] == ["1.", "3."]


@given(st.integers(0, 10**9))
def test_the_grid_covers_the_largest_value_in_few_round_steps(largest: int):
    step = grid_step(largest)
    assert step * 4 >= largest
    assert str(step).rstrip("0") in {"1", "2", "5"}


def test_the_heat_map_has_a_cell_for_every_hour_between_first_and_last():
    heat = heat_map([HourRate(0, 9, 1, 4), HourRate(5, 11, 3, 3)])
    assert heat.hours == [9, 10, 11]
    assert len(heat.cells) == 6 * 3
    assert [cell.level for cell in heat.cells if cell.rate] == [1, 4]
