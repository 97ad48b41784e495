import { findBundle, missing } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'

let opened = false

/** Opens XGBoost's own library, once a process. @throws `ERR_COST_MODEL` when the bundle lacks it */
export function openXGBoost(): void {
  if (opened) return
  const bundle = findBundle()
  const { xgboost, standIns } = bundle
  if (!xgboost) throw new TvmNodeError('ERR_COST_MODEL', missing('XGBoost library', bundle))
  native.xgboostOpen(xgboost, standIns.forXGBoost)
  opened = true
}
