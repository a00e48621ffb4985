(function(){"use strict";
function put(box,text){var found=new DOMParser().parseFromString(text,"text/html").body;box.replaceChildren.apply(box,Array.prototype.slice.call(found.childNodes));}
document.querySelectorAll("[data-live]").forEach(function(box){
var every=Number(box.getAttribute("data-every"))||2000;
function again(){fetch(box.getAttribute("data-live"),{credentials:"same-origin"}).then(function(answer){if(answer.ok)return answer.text().then(function(text){put(box,text);});}).catch(function(){}).then(function(){setTimeout(again,every);});}
setTimeout(again,every);});
var editor=document.querySelector("form[data-lint]");
if(editor){
var box=document.getElementById("problems"),timer=null,number=0;
editor.elements.text.addEventListener("input",function(){clearTimeout(timer);timer=setTimeout(function(){
var mine=++number;
fetch(editor.getAttribute("data-lint"),{method:"POST",credentials:"same-origin",body:new URLSearchParams(new FormData(editor))}).then(function(answer){if(answer.ok)return answer.text().then(function(text){if(mine===number)put(box,text);});}).catch(function(){});},300);});}
})();
