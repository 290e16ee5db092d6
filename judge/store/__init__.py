"""Where runs are kept: SQLite by default, any SQLAlchemy URL otherwise.

The store knows records, not what they mean: it never computes a statistic.
"""
