/** Text in which parts between backticks are shown as code. */
export function Prose({ text }) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
