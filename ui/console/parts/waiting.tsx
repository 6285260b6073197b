export const Waiting = ({ text }: { text: string }) => (
  <main className="waiting">
    <p role="status">{text}</p>
  </main>
)
