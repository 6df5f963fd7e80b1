-- How many samples of its value a point stands for.

ALTER TABLE points ADD COLUMN weight BIGINT DEFAULT 1;
