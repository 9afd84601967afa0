//! CREATE INDEX and CREATE TABLE on columns with further search kinds.

use super::{check, refused};

#[test]
fn an_index_on_an_ordered_column_is_two() {
    check(&[
        (
            "CREATE UNIQUE INDEX born ON people (born DESC, id)",
            "DO $pyrite$ BEGIN EXECUTE E'CREATE UNIQUE INDEX born ON public.people (pyrite.eq(born) DESC, id)'; \
             EXECUTE E'CREATE  INDEX born_order ON public.people (pyrite.ord(born) DESC, id)'; END $pyrite$",
        ),
        (
            "CREATE INDEX IF NOT EXISTS s ON public.people USING btree (id, score)",
            "DO $pyrite$ BEGIN EXECUTE E'CREATE INDEX IF NOT EXISTS s ON public.people USING btree (id, pyrite.eq(score))'; \
             EXECUTE E'CREATE INDEX IF NOT EXISTS s_order ON public.people USING btree (id, pyrite.ord_head(score))'; \
             END $pyrite$",
        ),
        (
            "CREATE INDEX ON people (name text_pattern_ops)",
            "DO $pyrite$ BEGIN EXECUTE E'CREATE INDEX people_name_idx ON public.people (pyrite.eq(name))'; \
             EXECUTE E'CREATE INDEX people_name_idx_order ON public.people (pyrite.ord_head(name))'; END $pyrite$",
        ),
        (
            "CREATE INDEX h ON people USING hash (born)",
            "CREATE INDEX h ON public.people USING hash (pyrite.eq(born))",
        ),
    ]);
    refused(&[("CREATE INDEX CONCURRENTLY b ON people (born)", "0A000", "CONCURRENTLY")]);
}

#[test]
fn indexes_for_case_and_patterns() {
    check(&[
        (
            "CREATE INDEX l ON people (lower(name))",
            "CREATE INDEX l ON public.people (pyrite.eq_caseless(name))",
        ),
        (
            "CREATE INDEX u ON people ((UPPER(\"name\"::text)) DESC, id)",
            "CREATE INDEX u ON public.people (pyrite.eq_caseless(\"name\") DESC, id)",
        ),
        (
            "CREATE INDEX CONCURRENTLY g ON people USING gin (name public.gin_trgm_ops)",
            "CREATE INDEX CONCURRENTLY g ON public.people USING gin (pyrite.match(name))",
        ),
    ]);
    refused(&[
        ("CREATE UNIQUE INDEX ON people (lower(name))", "0A000", "this index"),
        ("CREATE INDEX ON people (lower(name || 'x'))", "0A000", "this index"),
        ("CREATE INDEX ON people (lower(born))", "0A000", "this index"),
        ("CREATE INDEX ON people USING gin (born gin_trgm_ops)", "0A000", "this index"),
        ("CREATE INDEX ON people USING gist (name gist_trgm_ops)", "0A000", "this index"),
        ("CREATE INDEX ON people (substr(name, 1, 3))", "0A000", "this index"),
    ]);
}

#[test]
fn a_new_table_demands_the_terms_of_its_columns() {
    check(&[(
        "CREATE TABLE ledger (id int, name text COLLATE \"C\" UNIQUE, due date)",
        "DO $pyrite$ BEGIN EXECUTE E'CREATE TABLE public.ledger (id int, name pyrite.encrypted \
         CONSTRAINT pyrite_order_name CHECK (pyrite.has_order(name)) \
         CONSTRAINT pyrite_caseless_name CHECK (pyrite.has_caseless(name)) \
         CONSTRAINT pyrite_match_name CHECK (pyrite.has_match(name)), due pyrite.encrypted \
         CONSTRAINT pyrite_order_due CHECK (pyrite.has_order(due))) '; \
         EXECUTE E'ALTER TABLE public.ledger ALTER COLUMN name SET STORAGE EXTERNAL'; \
         EXECUTE E'ALTER TABLE public.ledger ALTER COLUMN due SET STORAGE EXTERNAL'; \
         EXECUTE E'CREATE UNIQUE INDEX ledger_name_key ON public.ledger (pyrite.eq(name))'; \
         EXECUTE E'CREATE INDEX ledger_name_key_order ON public.ledger (pyrite.ord_head(name))'; END $pyrite$",
    )]);
    refused(&[("CREATE TABLE ledger (name text COLLATE \"de_DE\", due date)", "0A000", "collation")]);
}
