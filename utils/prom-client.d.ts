/** prom-client types its index only; these are the parts that utils/prometheus.ts loads one by one. */

declare module 'prom-client/lib/registry' {
  import { Registry } from 'prom-client'
  export default Registry
}
declare module 'prom-client/lib/counter' {
  import { Counter } from 'prom-client'
  export default Counter
}
declare module 'prom-client/lib/gauge' {
  import { Gauge } from 'prom-client'
  export default Gauge
}
declare module 'prom-client/lib/histogram' {
  import { Histogram } from 'prom-client'
  export default Histogram
}
declare module 'prom-client/lib/metrics/*' {
  import type { Registry } from 'prom-client'

  const collect: (registry: Registry) => void
  export default collect
}
