/*
 * A Vulkan driver named libvk_swiftshader.so with Mesa's lavapipe inside.
 *
 * Chromium's WebGPU accepts one CPU adapter only, the SwiftShader that it ships; lavapipe is many times
 * faster and has shader-f16. This library takes SwiftShader's file name and ids and forwards every call.
 * LAVAPIPE_SO names the real driver.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))

static PFN_vkGetInstanceProcAddr lavapipe;
static PFN_vkGetPhysicalDeviceProperties real_properties;
static PFN_vkGetPhysicalDeviceProperties2 real_properties2;

static int open_lavapipe(void) {
  if (lavapipe) return 1;
  const char *path = getenv("LAVAPIPE_SO");
  void *library = dlopen(path ? path : "libvulkan_lvp.so", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "software-gpu: %s\n", dlerror());
    return 0;
  }
  lavapipe = (PFN_vkGetInstanceProcAddr)dlsym(library, "vk_icdGetInstanceProcAddr");
  return lavapipe != NULL;
}

/* What Chromium compares to recognise its own SwiftShader. */
static void pose_as_swiftshader(VkPhysicalDeviceProperties *p) {
  p->vendorID = 0x1AE0;
  p->deviceID = 0xC0DE;
  snprintf(p->deviceName, sizeof p->deviceName, "lavapipe as SwiftShader Device");
}

static VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties *p) {
  real_properties(device, p);
  pose_as_swiftshader(p);
}

static VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *p) {
  real_properties2(device, p);
  pose_as_swiftshader(&p->properties);
  for (VkBaseOutStructure *next = p->pNext; next; next = next->pNext)
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES)
      ((VkPhysicalDeviceDriverProperties *)next)->driverID = VK_DRIVER_ID_GOOGLE_SWIFTSHADER;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
  if (!open_lavapipe()) return NULL;
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)vk_icdGetInstanceProcAddr;
  PFN_vkVoidFunction real = lavapipe(instance, name);
  if (!real) return NULL;
  if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
    real_properties = (PFN_vkGetPhysicalDeviceProperties)real;
    return (PFN_vkVoidFunction)properties;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceProperties2") || !strcmp(name, "vkGetPhysicalDeviceProperties2KHR")) {
    real_properties2 = (PFN_vkGetPhysicalDeviceProperties2)real;
    return (PFN_vkVoidFunction)properties2;
  }
  return real;
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance, const char *name) {
  return vk_icdGetInstanceProcAddr(instance, name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  if (*version > 5) *version = 5;
  return VK_SUCCESS;
}
