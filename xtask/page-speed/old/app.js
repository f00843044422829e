// The checkout page as it was written in 2016: everything happens in the browser.
angular
  .module('checkout', ['ui.router'])
  .config(function ($stateProvider, $urlRouterProvider) {
    $urlRouterProvider.otherwise('/');
    $stateProvider.state('pay', { url: '/', templateUrl: 'pay.html', controller: 'Pay' });
  })
  .controller('Pay', function ($scope, $http, $location, $interval, $window) {
    var request = ($scope.request = $location.search());
    var signed = angular.extend({}, request, { payTypeCode: 'Wechat' });

    $http.post('/pay/api/pc/pay', signed).then(function (answer) {
      if (answer.data.errcode !== '0') {
        $scope.trouble = answer.data.errormsg;
        return;
      }
      new QRCode(document.getElementById('code'), { text: answer.data.obj });
      var polling = $interval(poll, 2000);
      $scope.$on('$destroy', function () {
        $interval.cancel(polling);
      });
    });

    function poll() {
      $http.get('/pay/api/pc/wechatQuery', { params: signed }).then(function (answer) {
        if (answer.data.errcode === '0') $window.location.href = request.dialogOkUrl;
        else if (answer.data.errcode !== '30000') $window.location.href = request.dialogFailUrl;
      });
    }
  });
