"""The functions that a statement may call: those that need no more memory than their arguments, and know no secret.

Not here is what reads files, settings or the catalogue, what waits, what makes rows or texts out of numbers, what
runs other statements, what takes the square of the time of its arguments, and what counts in memory that DuckDB does
not bound. ``growth`` bounds the few that make texts longer.
"""

from typing import Final

_OPERATORS: Final = """
    + - * / // % ** ^ & | << >> ~ @ || ^@ -> ->> ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape
"""
_NUMBERS: Final = """
    abs add ceil ceiling divide even exp fdiv floor fmod gcd greatest isfinite isinf isnan lcm least ln log log10 log2
    mod multiply nextafter pow power round sign sqrt cbrt subtract trunc xor bit_count
    sin cos tan asin acos atan atan2 degrees radians pi
"""
_TEXTS: Final = """
    ascii contains ends_with starts_with prefix suffix instr strpos position length len strlen lower lcase upper ucase
    left right substr substring substring_grapheme trim ltrim rtrim reverse nfc_normalize regexp_extract regexp_matches
    regexp_full_match split_part string_split str_split string_to_array md5 sha1 sha256 hash concat concat_ws replace
    translate strip_accents unicode ord
    array_extract list_extract list_element array_length list_contains array_contains list_has list_position
    list_count list_sum list_avg list_min list_max list_first list_last
"""
_TIMES: Final = """
    now current_date current_timestamp get_current_time get_current_timestamp today transaction_timestamp
    date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add time_bucket age epoch epoch_ms
    epoch_us epoch_ns year month day hour minute second millisecond microsecond nanosecond quarter week weekofyear
    yearweek dayofweek dayofmonth dayofyear isodow isoyear weekday dayname monthname last_day strftime strptime
    try_strptime make_date make_timestamp make_timestamp_ms make_timestamp_ns to_timestamp timezone
    to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds to_quarters
    to_decades century decade era
"""
_JSON: Final = """
    json_extract json_extract_string json_extract_path json_extract_path_text json_value json_exists json_type
    json_valid json_array_length json_keys json_contains to_json
"""
_CHOICES: Final = """
    coalesce ifnull nullif if typeof row struct_extract struct_pack list_value
"""
_AGGREGATES: Final = """
    count count_star count_if countif sum sum_no_overflow fsum kahan_sum sumkahan avg mean favg min max median mad
    product quantile quantile_cont quantile_disc approx_quantile approx_count_distinct stddev stddev_pop stddev_samp
    variance var_pop var_samp sem skewness kurtosis kurtosis_pop corr covar_pop covar_samp regr_slope
    regr_intercept regr_r2 regr_count regr_avgx regr_avgy any_value arbitrary first last arg_min argmin min_by arg_max
    argmax max_by bool_and bool_or bit_and bit_or bit_xor string_agg group_concat listagg list array_agg
    geomean geometric_mean grouping grouping_id
"""
_WINDOWS: Final = """
    row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value
"""
FUNCTIONS: Final = frozenset(
    f"{_OPERATORS} {_NUMBERS} {_TEXTS} {_TIMES} {_JSON} {_CHOICES} {_AGGREGATES} {_WINDOWS}".split()
)
AGGREGATES: Final = frozenset(_AGGREGATES.split())
# What values may be cast to.
_TYPES: Final = """
    bool boolean tinyint smallint integer int bigint hugeint utinyint usmallint uinteger ubigint uhugeint int1 int2 int4
    int8 short long signed float real float4 double float8 decimal numeric dec varchar text string char bpchar date time
    timestamp datetime timestamp_s timestamp_ms timestamp_us timestamp_ns timestamptz interval json uuid
"""
TYPES: Final = frozenset(_TYPES.split()) | {"timestamp with time zone", "double precision"}
# Names that mean a value of the connection, and not a column.
_HIDDEN: Final = """
    current_user session_user user current_role current_schema current_schemas current_catalog current_database
"""
HIDDEN_NAMES: Final = frozenset(_HIDDEN.split())
