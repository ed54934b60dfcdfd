export type Account = any;
export type TraceSummary = any;
