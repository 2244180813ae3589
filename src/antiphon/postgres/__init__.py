"""PostgreSQL, for whoever keeps data there: connections, what its errors mean, and its dialect of our SQL."""
