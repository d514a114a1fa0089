"""The tables as peewee models, for the queries. What each column means stands in the migrations, beside its definition.

The models belong to no database: a query is given the one it runs on (`query.execute(db)`), so two can be open at once.
References are plain columns, so no attribute access ever loads a row behind the reader's back. A model takes as long to
make as some queries, so they lie in modules of their own, and a command loads those that it asks.
"""
