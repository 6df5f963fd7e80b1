-- Scores that came before their span.

-- Waits for its span: 'span' of its own trace, 'span_alone' of any trace; NULL when the span is stored or there is none.
ALTER TABLE scores ADD COLUMN awaits VARCHAR;
