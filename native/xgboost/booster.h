// Gradient-boosted trees, by XGBoost's own library over its C API (xgboost/c_api.h, 2.1.3).
#ifndef TVM_NODE_XGBOOST_BOOSTER_H_
#define TVM_NODE_XGBOOST_BOOSTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tvm_node {

/** Rows of features, row-major. */
struct FeatureMatrix {
  const float* data = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

/** Opens the library once; `preload` before it, where the system has none of that name. */
void OpenXGBoost(const std::string& path, const std::string& preload);

/** A set of trees that is trained, asked and stored. */
class Booster {
 public:
  explicit Booster(const std::vector<std::pair<std::string, std::string>>& params);
  ~Booster();
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  /** Adds `rounds` trees that lead from the features to one label a row; `margins`, where given, are
   * what another model says already. */
  void Train(const FeatureMatrix& features, const std::vector<float>& labels,
             const std::vector<float>& margins, int rounds);
  /**
   * Adds trees whose values, summed over the rows of a group, lead to the group's label; errors count in proportion to the
   * labels. Ends after `rounds` trees, or when `patience` of them brought no gain.
   */
  void TrainSums(const FeatureMatrix& features, const std::vector<float>& labels,
                 const std::vector<int32_t>& groups, int rounds, int patience);
  /** One value a row. */
  std::vector<float> Predict(const FeatureMatrix& features, bool margin) const;
  /** The model in XGBoost's binary JSON. */
  std::string Save() const;
  void Load(const uint8_t* data, size_t size);

 private:
  void* handle_ = nullptr;
};

}  // namespace tvm_node

#endif  // TVM_NODE_XGBOOST_BOOSTER_H_
