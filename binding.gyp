{
  # The same sources as CMakeLists.txt builds, for those who prefer node-gyp: `npm run build:gyp`.
  "targets": [
    {
      "target_name": "tvm_node",
      "sources": ["<!@(node -p \"require('./native/sources.json').addon.join(' ')\")"],
      "include_dirs": ["node_modules/node-addon-api"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-fexceptions", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      "libraries": ["-ldl", "-lpthread"]
    },
    {
      "target_name": "opencl",
      "type": "shared_library",
      "product_prefix": "lib",
      "product_name": "OpenCL",
      "product_extension": "so.1",
      "product_dir": "<(PRODUCT_DIR)/stand-ins",
      "sources": ["native/stand-ins/opencl.c"],
      "cflags!": ["-fvisibility=hidden"],
      "ldflags": [
        "-Wl,-soname,libOpenCL.so.1",
        "-Wl,--version-script=<(module_root_dir)/native/stand-ins/opencl.map"
      ]
    },
    {
      "target_name": "noblas",
      "type": "shared_library",
      "product_prefix": "lib",
      "product_name": "noblas",
      "product_extension": "so",
      "product_dir": "<(PRODUCT_DIR)/stand-ins",
      "sources": ["native/stand-ins/noblas.c"],
      "cflags!": ["-fvisibility=hidden"],
      "ldflags": ["-Wl,-soname,libnoblas.so"]
    },
    {
      "target_name": "gomp",
      "type": "shared_library",
      "product_prefix": "lib",
      "product_name": "gomp",
      "product_extension": "so.1",
      "product_dir": "<(PRODUCT_DIR)/stand-ins",
      "sources": ["native/stand-ins/gomp.c"],
      "cflags!": ["-fvisibility=hidden"],
      "ldflags": [
        "-Wl,-soname,libgomp.so.1",
        "-Wl,--version-script=<(module_root_dir)/native/stand-ins/gomp.map"
      ]
    }
  ]
}
