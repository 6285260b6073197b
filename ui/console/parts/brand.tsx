export const Brand = () => (
  <p className="brand">
    <svg aria-hidden="true" width="28" height="28" viewBox="0 0 32 32">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M18 4 7 18h7l-2 10 12-15h-8z" fill="var(--accent-ink)" />
    </svg>
    ZipZap
  </p>
)
