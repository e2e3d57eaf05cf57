/** Two arrows: our mark. */
export function Mark() {
  return (
    <svg
      className="i"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d="M1.5 5h10M9 2l3 3M14.5 11h-10M7 14l-3-3" />
    </svg>
  );
}
