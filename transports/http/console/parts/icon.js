// @ts-check
/** Small pictures, drawn with lines in the colour of the text. They say nothing that text beside them does not. */
import { s } from "../kernel/view.js";

const PATHS = {
  traces: "M2 4h9M4 8h9M6 12h8",
  live: "M8 7.5v1M5 10.5a4 4 0 0 1 0-5M11 5.5a4 4 0 0 1 0 5M2.8 12.6a7 7 0 0 1 0-9.2M13.2 3.4a7 7 0 0 1 0 9.2",
  dashboard: "M2.5 13.5v-5M6.5 13.5v-9M10.5 13.5v-6M14 13.5v-11",
  sessions: "M2.5 3.5h11v7.5h-6l-3 2.5V11h-2z",
  playground: "M3.5 2.5l9.5 5.5-9.5 5.5z",
  sql:
    "M8 6.3c3 0 5.2-.9 5.2-2S11 2.2 8 2.2s-5.2 1-5.2 2.1S5 6.3 8 6.3zM2.8 4.3v7.4c0 1.1 2.2 2.1 5.2 2.1s5.2-1 5.2-2.1V4.3M2.8 8c0 1.1 2.2 2.1 5.2 2.1s5.2-1 5.2-2.1",
  settings: "M2.5 4.5h5M11 4.5h2.5M2.5 11.5H5M8.5 11.5h5M9.3 2.8v3.4M6.7 9.8v3.4",
  audit: "M4 2h6l3 3v9H4zM6.5 7.5h4M6.5 10.5h4",
  start: "M8 2l1.8 4 4.2.5-3.1 2.9.8 4.3L8 11.6l-3.7 2.1.8-4.3L2 6.5 6.2 6z",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3 3",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  download: "M8 2.5v8M4.8 7.5L8 10.7l3.2-3.2M3 13.5h10",
  right: "M6 3.5L10.5 8 6 12.5",
  down: "M3.5 6L8 10.5 12.5 6",
  left: "M10 3.5L5.5 8l4.5 4.5",
  up: "M3.5 10L8 5.5l4.5 4.5",
  plus: "M8 3v10M3 8h10",
  check: "M3 8.5l3.2 3.2L13 5",
  warning: "M8 2.5l6 11H2zM8 7v3M8 11.8v.2",
  sun:
    "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  person: "M8 7.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.8 14c.4-2.9 2.5-4.5 5.2-4.5s4.8 1.6 5.2 4.5",
  stop: "M4 4h8v8H4z",
  link: "M7 4.5l1.5-1.5a3 3 0 0 1 4.3 4.3L11 9M9 11.500l-1.500 1.500a3 3 0 0 1-4.300-4.300L5 7M6.500 9.500l3-3",
  trash: "M3 4.5h10M6.500 4.500v-2h3v2M4.500 4.500l.6 9h5.800l.6-9",
};

/** @param {keyof typeof PATHS} name */
export const icon = (name) =>
  s("svg.icon", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
