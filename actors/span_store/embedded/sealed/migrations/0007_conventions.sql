-- What the conventions say of a span since the first version of their table; null for spans that were stored before.
ALTER TABLE span ADD COLUMN type VARCHAR;
ALTER TABLE span ADD COLUMN request_model VARCHAR;
ALTER TABLE span ADD COLUMN agent VARCHAR;
ALTER TABLE span ADD COLUMN tool VARCHAR;
ALTER TABLE span ADD COLUMN finish_reason VARCHAR;
ALTER TABLE span ADD COLUMN error_type VARCHAR;
ALTER TABLE span ADD COLUMN response_id VARCHAR;
ALTER TABLE span ADD COLUMN prompt_name VARCHAR;
ALTER TABLE span ADD COLUMN prompt_version VARCHAR;
ALTER TABLE span ADD COLUMN time_to_first_token_ns BIGINT;
ALTER TABLE span ADD COLUMN version VARCHAR;
ALTER TABLE span ADD COLUMN environment VARCHAR;
ALTER TABLE segment ADD COLUMN conventions USMALLINT; -- their version when these were derived; NULL before the first
