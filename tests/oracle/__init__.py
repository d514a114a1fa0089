"""The arithmetic of time, worked out a second time: minute by minute, over the rules as they are worded.

Nothing here but `subject.py` touches coopflow. `clocks.py` reads the zone files itself, `rules.py` says what is
compared, `answers.py` looks at minute after minute, `comparing.py` asks both and `__main__.py` does it ten million
times.
"""
