import { findBundle } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'

let opened = false

/** Opens XGBoost's own library, once a process. @throws `ERR_COST_MODEL` when the bundle lacks it */
export function openXGBoost(): void {
  if (opened) return
  const { xgboost, openmp, dir } = findBundle()
  if (!xgboost)
    throw new TvmNodeError('ERR_COST_MODEL', `there is no XGBoost library in ${dir}; run "npm run bundle"`)
  native.xgboostOpen(xgboost, openmp)
  opened = true
}
