export const Waiting = ({ text }: { text: string }) => (
  <main className="interlude">
    <p role="status">{text}</p>
  </main>
)
