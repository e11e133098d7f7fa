"""Tables of subjects to screen: CSV, plain lists of texts, Parquet; read as a stream, however long they are."""
