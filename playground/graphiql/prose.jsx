/** A text with its code, between backticks, set as such. */
export function Prose({ text }) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
