declare module 'workerd' {
  const workerd: { readonly default: string }
  /** Under `default`, the path of its binary. */
  export default workerd
}
